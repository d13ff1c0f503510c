-- Statements that split wrongly in one scanner or another; PostgreSQL's parser takes each of them.
select 1;
select ';';;;
select 'it''s; fine'; -- it's; fine
select 'C:\'; select E'C:\\'; select E'\';'; select E'\\\';'; select e''';';select 2;
select 'C:\', ';' from t where a = '\';
/* a ; b */ select /* ' */ 1 /* " ; */;
/* a /* b ; */ c ; */ select 1 /* /* ; */ ; */ ;
/**/select 1/**/;/***/select 2/* **/;/*/ ; */ select 3; /*/**/;*/ select 4;
select 1 -- ; select 2
;
select 1 --
;
select "a;b", "a"";""b", "--", "/*", "$$;" from ";";
select U&'d\0061t;' , U&"d\0061t;" , U&'!0061;' uescape '!', u&'\\;';
select B'01', X'1F', x'1f', b'', N'a;b', n'';
select $$;$$, $a$;$a$, $a$ $$ ; $b$ $a$, $_$;$_$, $é$;$é$, $A$ $a$ ; $A$, $a1_$;$a1_$;
select $$it's; "a$$, $$ -- $$, $$ /* $$, $x$ $x $x1$ $$ x$ $x$;
select a$1, a$$, a$b$, é$$ from t$1 where t$1.a$ = 1; select 2 as b$$;
select 1 as begin, 2 as "end;", 3 as atomic; select 1 begin; select begin from begin; select 4;
select * from begin atomic; select begin.atomic from begin atomic; select 1 end; select 1 as end; select 1 case;
select case when a then 1 else 2 end from t; select case a when 1 then case b when 2 then 3 end end as "case";
select t.end, t.case, t.begin from t; select (t).end from t;
select 5 # 3, a #> b, a #>> '{a,;}', a @> b, a <@ b, a ?| b, a ?& b, a || ';' , @-1, |/ 4, ||/ 8, a ~* ';', a !~~* ';';
select 1 - -1, 1 +-1, - - 1, 2 */* ; */3, 4//* ; */2, 2 -- ; 3
 * 4, a<-1, a@-1, a*-1, a= -1;
select a -> 'b;' ->> 'c', a::text::"b;", a[1:2], a[b : c], array[';', $$;$$], row(1, ';');
select 1., .5, 1.5e10, 1e-5, 0x1F, 0o17, 0b11, 1_000_000, 1e5;
select $1, $2 + $1;
select 'a'
'b;' , E'a'
'\';' , 'a' -- ';
 'b;' , U&'a'
 'b;';
select E'a'

  'b\' ; c' , 1;
select E'a' -- it's; here
  -- and here; '
  'b\'; c';
begin; begin isolation level serializable; begin work; begin transaction read only; commit; end; end work; rollback;
start transaction; commit and chain; savepoint a; rollback to a; release a; abort; commit prepared 'a;'; prepare transaction ';';
create table begin (atomic int, "end" int, begin int); alter table begin add column atomic text default ';'; drop table begin;
create table t (a int default (1), b text check (b <> ';' and (b <> ')')), primary key (a));
create rule r as on insert to t do also (insert into a values (';'); delete from b; update c set d = ')');
create or replace rule r as on update to t do instead (select 1; select 2;);
create rule r as on delete to t do instead nothing; create rule "a;" as on insert to t do (notify a; notify b, ';');
create function f() returns int language sql as 'select 1;'; create function f() returns int language sql as $$select 1;$$;
create function f(a int default 1, b text default ';') returns text language plpgsql as $body$
begin
  if a then return ';'; end if; -- it's
  execute $q$select ';'$q$;
  return $$;$$;
end;
$body$ immutable;
create function f() returns int begin atomic select 1; end;
create function f() returns int begin atomic end; select 1;
create function f() returns int begin atomic ; ; end; select 1;
create or replace function f() returns int language sql begin atomic select 1; select 2; end; select 3;
create function f(a int) returns int begin atomic select case when a > 1 then 2 else 3 end; end;
create function f(a int) returns int begin atomic select case a when 1 then case 2 when 3 then 4 end end as end; end;
create function f() returns int begin atomic select 1 end; end; select 1;
create function f() returns int begin atomic select 1 as end; select 2 as case; end; select 1;
create function f() returns int begin atomic select t.end, t.case, t.begin from t; end; select 1;
create function f() returns int begin /* ; */ atomic return 1; end; select 1;
create function f() returns int begin -- ; end
 /* a /* b ; */ */ AtOmIc select 1; /* end; */ select 2; -- end;
 EnD; select 1;
create /* a */ or -- b
 replace /* a /* ; */ */ procedure p() begin atomic insert into t values (';'); delete from t; end; select 1;
create /* a /* b */ */ function f() returns int begin atomic select 1; end; select 1;
create procedure begin(begin int) begin atomic select begin from begin atomic; end; select 1;
create function f() returns int begin atomic select * from begin atomic; select 1; end; select 1;
create function s.begin() returns begin language begin begin atomic select 1; end; select 1;
create function f() returns int begin atomic
  create function g() returns int begin atomic select case when true then 1 end; end;
  select 2;
end; select 1;
create function f() returns int return (select case when true then 1 end from begin atomic); select 1;
create function f() returns int return case when true then 1 end; select 1;
create function f() returns int language sql set search_path to begin, atomic as ';'; select 1;
create function begin(atomic int) returns int language c as 'a;', 'b;'; select 1;
create function f() returns table (a int, b text) begin atomic select 1, ';'; end; select 1;
create function f() returns trigger language plpgsql as $$ begin return new; end $$; create trigger t before insert on t for each row when (new.a <> ';') execute function f(';');
create function f() returns int begin atomic insert into t select (select case when 1 = 2 then 3 end); with end_of as (select 1) select * from end_of; end; select 1;
create function f() returns int begin atomic delete from t where a in (select 1) returning (case when a = 1 then 2 end); end; select 1;
create procedure p() language sql begin atomic merge into t using u on t.a = u.a when matched then update set b = ';' when not matched then do nothing; end; select 1;
create view v as select 1 as "begin", ';' as begin; create view begin as select 1 as atomic; create view v as select begin atomic from t;
do $$ begin perform 1; end $$; do 'begin perform 1; end'; do language plpgsql $do$ declare a text := $a$;$a$; begin null; end; $do$;
comment on table t is 'it''s; (here'; comment on column t.a is E'\'; ('; comment on function f(int) is $$;$$; comment on table t is null;
copy t to '/tmp/a;b' with (format csv, delimiter ';', quote '"', null ''); copy (select ';' from t) to program 'cat; cat'; copy t from '/x;y';
copy (select a from stdin) to '/a;'; copy "stdin" from ';'; copy t (a, "from") from program 'stdin;';
prepare p as select $1; prepare p (text) as insert into t values ($1, ';'); execute p(';'); deallocate p;
declare c cursor for select ';'; fetch 1 from c; close c; listen "a;"; notify a, ';'; unlisten *;
set search_path = a, 'b;', "c;"; set x.y to ';'; reset all; show all; set local timezone = 'a;'; set time zone interval '1' hour to minute;
alter system set work_mem = ';'; vacuum (full, analyze) t; vacuum; reindex (verbose) table concurrently t; cluster; checkpoint;
create index concurrently if not exists i on t (a, (lower(b) || ';')) where c = ';'; drop index concurrently if exists "i;";
alter table t detach partition p concurrently; alter type e add value if not exists ';' before 'b;'; create type e as enum (';', '');
create policy p on t using (a = ';') with check ((a <> ';')); grant select (a, b) on t to "x;"; alter role x set y = ';';
insert into t values (';', $$;$$, E'\';', ");"), (((1))); insert into t default values; insert into t (a) values (1) on conflict (a) do update set b = ';';
update t set a = ';', (b, c) = (select 1, ';') where d = any (array[';']); delete from t using u where t.a = u.a and u.b = ';';
with a as (select 1), b as materialized (select ';') select * from a, b; values (1, ';'), (2, '('); table t; (select 1); ((select 1) union (select 2)) order by 1;
explain (analyze, format json) select ';'; lock table t in access exclusive mode; truncate t, u; analyze t (a, b);
select xmlparse(document '<a>;</a>'), xmlelement(name "a;", xmlattributes(';' as b)), json_object('a': ';'), interval '1;' , date ';';
select a from t where a like '%;%' escape '\' and b similar to ';' ; select overlay('a' placing ';' from 1 for 2), position(';' in 'a'), substring('a' from ';');
select * from t tablesample system (1) repeatable (2); select * from rows from (f(';'), g()) with ordinality as a(b, c); select "end" from "begin" "atomic";
select 'a' as "'", 'b' as "''", '"' as c, '""' as d, '/*' as e, '*/' as f, '--' as g, '$$' as h, E'\\' as i, '\' as j;
select E'\\''' , E'''\\' , E'\'''' , ';' ; select E'
\
';
select (((((((((';'))))))))), ((((';')), (';'))), (('a'), (('b'), ($$;$$)));
select (/* ) ; */ 1), (-- ) ;
 2), (')'), (")"), ($$)$$), (E'\')') from (select 1 as ")") x;
create aggregate a (int) (sfunc = b, stype = int, initcond = ';'); create operator # (leftarg = int, rightarg = int, function = f); create operator @-- ;
 ( leftarg = int, function = f);
create cast (a as b) with function f(a) as assignment; create domain d as text check (value <> ';'); create sequence s; select nextval('s;');
create schema s create table t (a int) create view v as select ';'; create schema if not exists "s;"; create extension x;
create event trigger e on ddl_command_start when tag in ('a;') execute function f(); create publication p for table t where (a <> ';');
create statistics s on a, b from t; create foreign table t (a int options (x ';')) server s options (y ';'); import foreign schema s from server t into u;
create subscription s connection 'host=a; b' publication p with (slot_name = ';'); security label on table t is ';'; create text search dictionary d (template = x, y = ';');
select 😀, "😀;", '😀;', $😀$;$😀$ from 😀😀; select 'é' as é; /* 😀 ; */ select 1 -- 😀 ;
;select e'é\'😀;', U&'\+01F600;'
