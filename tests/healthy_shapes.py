"""What an application, its hosting and its administrators do to a system of ours without anything being wrong with it."""

from __future__ import annotations

from chatops.checks.inventory import TABLES

ROLES = ("anon", "authenticated", "service_role", "app_owner", "reporting")


def _each(statement: str) -> str:
    return ";\n".join(statement.replace("TABLE", table) for table in TABLES)


def _columns(table: str, many: int) -> str:
    return f"alter table {table} " + ", ".join(f"add column own_{n} text default 'x'" for n in range(many))


WITH_ROLES = "".join(
    f"do $r$ begin create role {role} nologin; exception when duplicate_object or unique_violation then null; end $r$;"
    for role in ROLES
)
"""The hosting's roles, which belong to the whole server."""

ADDITIONS = {
    "200 columns more on chats": _columns("chats", 200),
    "200 columns more on messages": _columns("messages", 200),
    "columns more on every other table": ";".join(_columns(table, 20) for table in TABLES if table not in ("chats", "messages")),
    "a column that is generated": "alter table messages add length integer generated always as (length(content)) stored",
    "a column with an identity": "alter table messages add serial bigint generated always as identity",
    "a trigger that notes every message": """create table audit_trail (at timestamptz default now(), what text);
        create function note_it() returns trigger language plpgsql security definer set search_path = public, pg_temp as
        $$ begin insert into audit_trail (what) values (tg_op); return null; end $$;
        revoke execute on function note_it() from public;
        create trigger note_it after insert or update or delete on messages for each row execute function note_it()""",
    "a trigger that tells listeners": """create function tell_it() returns trigger language plpgsql as
        $$ begin perform pg_notify('chats', coalesce(new.id, old.id)::text); return null; end $$;
        create trigger tell_it after insert or update on chats for each row execute function tell_it();
        create trigger tell_all after insert on messages for each statement execute function tell_it()""",
    "a trigger that trims what is written": """create function trim_it() returns trigger language plpgsql as
        $$ begin new.content := btrim(new.content); return new; end $$;
        create trigger a_trim before insert or update of content on messages for each row execute function trim_it()""",
    "triggers that drop what nobody misses": """create function drop_same() returns trigger language plpgsql as
        $$ begin if new is not distinct from old then return null; end if; return new; end $$;
        create trigger z_drop_same before update on chats for each row execute function drop_same();
        create function drop_twice() returns trigger language plpgsql security definer set search_path = public, pg_temp as
        $$ begin if exists (select from messages m where m.id = new.id) then return null; end if; return new; end $$;
        create trigger z_drop_twice before insert on messages for each row execute function drop_twice()""",
    "a constraint trigger at the end": """create function at_the_end() returns trigger language plpgsql as $$ begin return null; end $$;
        create constraint trigger at_the_end after insert on messages deferrable initially deferred
        for each row execute function at_the_end()""",
    "indexes of every method": """create index own_brin on messages using brin (created_at);
        create index own_hash on messages using hash (sender_type);
        create index own_gin on messages using gin (to_tsvector('simple', content));
        create index own_partial on chats (updated_at) where is_active;
        create unique index own_expression on operators (lower(name), id);
        create index own_covering on chat_assignments (operator_id) include (assigned_at, released_at)""",
    "views over the chats": """create view open_chats as select * from chats where is_active;
        create view inbox with (security_invoker = true) as select c.id, m.content from chats c join messages m on m.chat_id = c.id;
        create materialized view daily as select created_at::date as day, count(*) as messages from messages group by 1;
        create view over_ours as select * from chat_state_summary""",
    "functions of the application": """create function who_waits() returns bigint language sql stable as 'select count(*) from chats';
        create procedure tidy() language plpgsql as 'begin null; end';
        create function secret() returns integer language sql security definer set search_path = public, pg_temp as 'select 1';
        revoke execute on function secret() from public;
        create aggregate longest(text) (sfunc = textcat, stype = text)""",
    "constraints of the application": """alter table messages add constraint own_length check (length(content) < 1000000);
        alter table chats add constraint own_count check (message_count >= 0);
        alter table operators add constraint own_email unique (email, id);
        alter table chats add constraint own_ids exclude using btree (id with =)""",
    "tables that refer to ours": """create table reports (id bigint primary key, chat_id uuid references chats (id) on delete cascade,
          message_id uuid references messages (id), by_operator uuid references operators (id) on delete set null);
        create unlogged table drafts (chat_id uuid primary key references chats (id), text text);
        create table ratings (stars integer) inherits (reports)""",
    "types of the application": """create type mood as enum ('good', 'bad'); create domain short as text check (length(value) < 100);
        create type pair as (a integer, b text); alter table chats add mood mood, add nick short, add pairs pair[]""",
    "statistics and storage of its own": """create statistics own_stats on chat_id, sender_type from messages;
        alter table messages set (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02);
        alter table chats alter column chat_state set statistics 500""",
    "comments on everything": _each("comment on table TABLE is 'a table of it''s own'")
    + "; comment on column chats.chat_state is 'see the wiki'; comment on function assign_chat_to_operator(uuid) is 'called by the page'; "
    "comment on trigger chatops_guard_chat on chats is 'do not touch'; comment on view chat_state_summary is 'the page of admins'",
    "names like ours elsewhere": """create schema archive; create table archive.chats (id integer, chat_state text);
        create table archive.messages (id integer); create view archive.chat_state_summary as select 1 as n;
        create function archive.assign_chat_to_operator(uuid) returns uuid language sql as 'select $1';
        create type archive.operators as enum ('a')""",
    "row level security as the application has it": _each("alter table TABLE enable row level security")
    + ";"
    + _each("create policy reads on TABLE for select using (true)")
    + ";create policy own_messages on messages for insert to authenticated with check (sender_type = 'real')"
    + ";create policy staff on chats as restrictive for update using (is_active is not null)",
    "row level security for the owner too": _each("alter table TABLE enable row level security")
    + ";"
    + _each("create policy all_of_it on TABLE to service_role using (true) with check (true)"),
    "grants to the hosting's roles": "grant usage on schema public to anon, authenticated, service_role;"
    "grant select, insert, update on all tables in schema public to authenticated, service_role; grant select on chats to anon;"
    "grant execute on function get_assignment_queue_status() to authenticated; grant reporting to service_role;"
    "grant execute on function assign_chat_to_operator(uuid) to authenticated, service_role;"
    "grant execute on function release_and_reassign_chat(uuid, text) to service_role;"
    "grant select on all tables in schema public to reporting with grant option",
    "published for the realtime pages": "create publication supabase_realtime for table chats, messages, operators",
    "all of it published": "create publication everything for all tables; create publication in_schema for tables in schema public",
    "whole rows in the log": _each("alter table TABLE replica identity full"),
    "extensions beside the tables": "create extension if not exists pg_trgm; create extension if not exists btree_gin; "
    "create extension if not exists citext; create extension if not exists hstore; create extension if not exists unaccent; "
    "create index own_trgm on messages using gin (content gin_trgm_ops)",
    "extensions in a schema of theirs": "create schema extensions; create extension if not exists pgcrypto schema extensions; "
    "create extension if not exists tablefunc schema extensions",
    "other collations": """create collation own_order (provider = icu, locale = 'de-x-icu');
        alter table operators alter column name type text collate "C";
        alter table real_users alter column name type text collate own_order;
        alter table chat_assignments alter column release_reason type text collate "POSIX" """,
    "values that stand for nothing": """insert into platform_config (key, value) values ('theme', '{"dark": true}'), ('limits', '[1, 2]'),
          ('motto', '""'), ('empty', 'null') on conflict do nothing""",
    "an event trigger": """create function look_on() returns event_trigger language plpgsql as $$ begin null; end $$;
        create event trigger own_look_on on ddl_command_end execute function look_on()""",
    "a scheduler's tables": """create schema cron; create table cron.job (jobid bigint, schedule text, command text, active boolean);
        insert into cron.job values (1, '* * * * *', 'select 1', true)""",
    "another migrator's history": """create schema supabase_migrations;
        create table supabase_migrations.schema_migrations (version text primary key, statements text[], name text);
        insert into supabase_migrations.schema_migrations (version, name) values ('20240101000000', 'init');
        create table _prisma_migrations (id text); create table flyway_schema_history (installed_rank integer)""",
    "defaults of its own": "alter table messages add source text default 'web', add shown boolean not null default true",
    "words that are searched": """alter table messages add words tsvector; create trigger own_words before insert or update on messages
        for each row execute function tsvector_update_trigger(words, 'pg_catalog.simple', content);
        alter table messages add found tsvector generated always as (to_tsvector('simple', content)) stored""",
    "columns that are worked out": "alter table chats add many boolean generated always as (message_count > 10) stored, "
    "add deleted_at timestamptz, add tags text[] not null default '{}', add meta jsonb not null default '{}' check (jsonb_typeof(meta) = 'object')",
    "a base table": "create table base_of_all (id uuid not null); alter table chats inherit base_of_all",
    "a domain that refuses nothing": "create domain mailbox as text; alter table operators alter column email type mailbox",
    "an index to cluster on": "alter table chats cluster on chats_pkey; alter table messages set (toast_tuple_target = 4000)",
    "drafts that a crash may take": "create unlogged table own_drafts (chat_id uuid, t text)",
    "triggers of some changes": """create function own_tell() returns trigger language plpgsql as
        $$ begin perform pg_notify('chats', new.id::text); return null; end $$;
        create trigger own_tell after update on chats for each row when (old.chat_state is distinct from new.chat_state) execute function own_tell();
        create trigger own_tell_of after update of chat_state on chats for each row execute function own_tell();
        create trigger own_same before update on fictional_users for each row execute function suppress_redundant_updates_trigger()""",
    "a view that is written through": """create view own_inbox as select id, content from messages;
        create function own_inbox_in() returns trigger language plpgsql as $$ begin return new; end $$;
        create trigger own_inbox_in instead of insert on own_inbox for each row execute function own_inbox_in()""",
    "a history of everything": """create table own_history (at timestamptz default now(), tbl text, old jsonb, new jsonb);
        create function own_history_in() returns trigger language plpgsql security definer set search_path = public, pg_temp as
        $$ begin insert into own_history (tbl, old, new) values (tg_table_name, to_jsonb(old), to_jsonb(new)); return null; end $$;
        revoke execute on function own_history_in() from public;
        create trigger own_history after insert or update or delete on chats for each row execute function own_history_in();
        create trigger own_history after insert or update or delete on chat_assignments for each row execute function own_history_in()""",
    "conditions that hold": """alter table messages add constraint own_c1 check (created_at > '1900-01-01'),
          add constraint own_c2 check (read_at is null or delivered_at is null or read_at >= delivered_at - interval '1 day');
        alter table chats add constraint own_c3 check (chat_state is not null), add constraint own_c4 check (epoch >= 0),
          add constraint own_c5 check (waiting_since is null or chat_state in ('waiting_assignment', 'assigned')),
          add constraint own_c6 check (last_message_at < now() + interval '1 day')""",
    "functions over rows": """create function chat_title(chats) returns text language sql stable as 'select $1.id::text';
        create function own_chats() returns setof chats language sql stable as 'select * from chats';
        create function assign_chat_to_operator_later(uuid) returns uuid language sql as 'select $1'""",
    "views over ours with rules": "create view own_waiting as select * from chat_queue; create rule quiet as on insert to own_waiting do instead nothing",
    "operators and casts in a schema": """create schema ops; create type ops.p as (a int);
        create function ops.f(ops.p) returns text language sql immutable as 'select ''x''::text'; create cast (ops.p as text) with function ops.f(ops.p);
        create operator ops.=== (leftarg = uuid, rightarg = uuid, procedure = uuid_eq); create type ops.span as range (subtype = timestamptz)""",
    "a search of its own": "create text search configuration own_search (copy = pg_catalog.simple)",
    "less for everybody": "revoke all on schema public from public; revoke usage on language plpgsql from public; revoke usage on type uuid from public; "
    "do $$ begin execute format('revoke temporary on database %I from public', current_database()); end $$",
    "sessions of the roles": "alter role service_role set work_mem = '64MB'; alter role authenticated set jit = off; "
    "alter role authenticator set idle_in_transaction_session_timeout = '60s'",
    "what is logged": "do $$ begin execute format('alter database %I set log_min_duration_statement = 100', current_database()); "
    "execute format('alter database %I set log_statement = mod', current_database()); end $$",
    "a subscription that is off": "create subscription own_sub connection 'host=127.0.0.1 port=1 dbname=x' publication p "
    "with (connect = false, enabled = false, slot_name = none)",
    "keys that tell apart": "create unique index own_apart on messages (chat_id, created_at); create unique index own_turn on chat_assignments (chat_id, assigned_at)",
    "keys elsewhere that hold all": "create table own_profiles as select id from operators; alter table own_profiles add primary key (id); "
    "alter table chat_assignments add constraint own_profile foreign key (operator_id) references own_profiles (id)",
    "rows of other tables that look like ours": "create table chats_old as select * from chats; create table messages_2019 as select * from messages",
}
"""Each can be had beside all others: the statements."""

INSTEAD = {
    "another owner of everything": ";\n".join(
        (
            "grant create, usage on schema public to app_owner; grant usage on schema chatops to app_owner",
            _each("alter table TABLE owner to app_owner"),
            """do $o$ declare v record; begin
                 for v in select p.oid::regprocedure as f, p.prokind from pg_proc p
                           where pronamespace = 'public'::regnamespace and not exists (select from pg_depend d
                                 where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e') loop
                   execute format('alter function %s owner to app_owner', v.f); end loop;
                 for v in select c.oid::regclass as f from pg_class c where relnamespace = 'public'::regnamespace and relkind = 'v' loop
                   execute format('alter view %s owner to app_owner', v.f); end loop;
                 for v in select c.oid::regclass as f from pg_class c where relnamespace = 'chatops'::regnamespace and relkind in ('r') loop
                   execute format('alter table %s owner to app_owner', v.f); end loop;
                 for v in select c.oid::regclass as f from pg_class c
                           where relnamespace in ('chatops'::regnamespace, 'public'::regnamespace) and relkind = 'S'
                             and not exists (select from pg_depend d where d.objid = c.oid and d.deptype in ('a', 'i')) loop
                   execute format('alter sequence %s owner to app_owner', v.f); end loop;
               end $o$""",
            "alter schema chatops owner to app_owner; alter schema public owner to app_owner",
        )
    ),
    "messages in partitions by time": """do $k$ declare v record; v_views text := ''; v_triggers text := ''; begin
          for v in select distinct c.oid, c.relname, pg_get_viewdef(c.oid) as text, c.reloptions from pg_depend d
                     join pg_rewrite w on w.oid = d.objid join pg_class c on c.oid = w.ev_class and c.relkind = 'v'
                    where d.refobjid = 'messages'::regclass and d.classid = 'pg_rewrite'::regclass order by c.oid loop
            v_views := v_views || format('create view %I %s as %s ', v.relname, ' with (' || array_to_string(v.reloptions, ', ') || ')', v.text);
            execute format('drop view %I', v.relname);
          end loop;
          for v in select tgname, pg_get_triggerdef(oid) as text from pg_trigger
                    where tgrelid = 'messages'::regclass and not tgisinternal loop
            v_triggers := v_triggers || v.text || '; ';
          end loop;
          create temporary table kept_messages on commit drop as select * from messages;
          create table made_like (like messages including defaults including constraints);
          drop table messages;
          create table messages (like made_like including defaults including constraints,
            constraint messages_pkey primary key (id, created_at)) partition by range (created_at);
          drop table made_like;
          create table messages_old partition of messages for values from (minvalue) to (now() - interval '30 days');
          create table messages_new partition of messages for values from (now() - interval '30 days') to (maxvalue);
          create table messages_rest partition of messages default;
          insert into messages select * from kept_messages;
          alter table messages
            add constraint messages_chat_id_fkey foreign key (chat_id) references chats (id) on delete cascade,
            add constraint messages_handled_by_operator_id_fkey foreign key (handled_by_operator_id) references operators (id)
              on delete set null;
          create index idx_messages_chat_created on messages (chat_id, created_at);
          create index idx_messages_handled_by on messages (handled_by_operator_id) where handled_by_operator_id is not null;
          execute v_triggers; execute v_views;
        end $k$""",
    "a reader's statistics are gone": "delete from pg_statistic; update pg_class set reltuples = -1, relpages = 0, relallvisible = 0 "
    "where relnamespace = 'public'::regnamespace and relkind = 'r'",
    "nobody set the flags": "update operators set is_available = null where not is_available; update messages set is_free_message = null",
}
"""Each takes the place of what others change: alone."""

SETTINGS = {
    "another clock": ("timezone", "Asia/Kolkata"), "dates as in Germany": ("datestyle", "German"),
    "spans as ISO 8601": ("intervalstyle", "iso_8601"), "bytes by escapes": ("bytea_output", "escape"),
    "few digits": ("extra_float_digits", "0"), "just in time": ("jit_above_cost", "0"),
    "serializable by default": ("default_transaction_isolation", "serializable"), "a path of its own": ("search_path", "archive, public, extensions"),
    "no sequential scans": ("enable_seqscan", "off"), "little memory": ("work_mem", "64kB"), "short statements": ("statement_timeout", "20s"),
    "messages in no language": ("lc_messages", "C"), "rows are private": ("row_security", "off"),
    "names folded": ("quote_all_identifiers", "on"), "xml as content": ("xmlbinary", "hex"),
}  # fmt: skip
"""What is set for the whole database: name and value."""

SCHEMAS = ("Acme Chat", "select", "ünïcode", "a.b", 'x"y', "tenant_" + "n" * 56)
"""Schemas that the chats may be in."""
