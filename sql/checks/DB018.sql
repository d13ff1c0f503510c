-- Which objects differ from what the file made that the ledger says is in?
-- code: DB018
-- title: {count} objects differ from what the applied files made
-- title-one: the {kind} {object} differs from what {migration} made: {differs}
-- narrow: {count} objects are not as their files made them
-- narrow-one: 1 object is not as its file made it
-- severity: warning
-- critical: a message, a reply or assigning goes through it, and it is not only cost, parallel safety or comments that differ
-- advice: only what the planner goes by (cost, rows) and a sequence's cache differ, or as whom a view reads, which shows nobody more today
-- group: schema
-- expected: each object is as the newest applied file made it; what was adopted counts as it was found
-- why: somebody replaced it by hand, or another tool ran an older file after ours
-- consequence: the database does not do what the ledger says; faults that a file mended may be back
-- help: {mend}
-- help-sql: {remedy}
-- help-text: what came of it meanwhile: `diagnose --only meanwhile`
-- needs-table: chats
-- says: the deploy is not right; operator loses the chat
-- shares: structure, expected_objects
-- avoids: mergejoin
-- unplanted: it takes a ledger that says which text went in
-- What only the planner goes by (the cost and rows of a function) and the cache of a sequence is advice.
-- What was adopted is the application's own text: of that only a constraint that has lost a column and an index that serves no row
-- are told; of functions tells DB034. The parameters and results of published functions are DB006, the columns of a published view DB008.
\set structure `cat sql/checks/shared/structure.sql`
\set expected_objects `cat sql/checks/shared/expected_objects.sql`
with structure as materialized (:structure),
expected_objects as materialized (:expected_objects),
one as materialized (
  select w.kind, w.name, w.migration, c.differs, c.found_as, w.definition ->> 'options'::text as options, c.advice, w.vital and c.stops as critical, w.stops as means
    from expected_objects w
    join structure s on s.kind = w.kind and s.name = w.name
   cross join lateral (
     select pg_catalog.string_agg(d.property, ', ' order by d.property) as differs, pg_catalog.jsonb_object_agg(d.property, d.found) as found_as,
            pg_catalog.bool_and(d.property in ('cost', 'rows', 'cache')) as advice,
            pg_catalog.bool_or(case w.kind when 'trigger' then d.property = 'definition'
                                           when 'function' then case d.property
                                             when 'volatile' then d.texts ? 'v'::text
                                             when 'strict' then d.found = 'true'
                                             when 'security' then d.found = 'invoker'
                                             -- What a planner works with stops nobody.
                                             when 'settings' then not d.texts ? pg_catalog.btrim(pg_catalog.regexp_replace(
                                                    d.found, '(^|; )(work_mem|maintenance_work_mem|jit|plan_cache_mode|enable_\w+|random_page_cost)=[^;]*', '', 'g'), '; ')
                                             else d.property in ('arguments', 'returns', 'language', 'body') end
                                           when 'sequence' then d.property = 'increment'
                                           when 'column' then (d.property = 'not_null' and d.found = 'true') or (d.property in ('generated', 'identity') and d.found <> '')
                                           else false end) as stops
       from (select p.key as property, p.value as texts, coalesce(s.definition ->> p.key, '') as found from pg_catalog.jsonb_each(w.definition) as p) as d
      where not d.texts ? (case when pg_catalog.length(d.found) <= 100 then d.found
                                else 'md5:' || pg_catalog.md5(pg_catalog.convert_to(d.found, 'UTF8')) end)
        -- A domain that refuses nothing is its type.
        and not (w.kind = 'column' and d.property = 'type'
                 and exists (select from pg_type y
                              where y.typtype = 'd' and not y.typnotnull and pg_catalog.format_type(y.oid, null) = d.found
                                and d.texts ? pg_catalog.format_type(y.typbasetype, y.typtypmod)
                                and not exists (select from pg_constraint k where k.contypid = y.oid)))
   ) as c
   where (w.kind <> 'function' or w.state = 'applied') and w.definition <> '{}'
)
select o.kind, o.name as object, o.migration, o.differs, o.found_as,
       case when o.migration = 'bookkeeping' then 'adopt --ledger-only' else 'migrate --again ' || o.migration end as mend, o.critical, o.advice or (o.differs = 'options' and eyes.harmless) as advice,
       coalesce(old.harm, shown.harm, case when o.critical then 'until it is as its file made it, it may be that ' || o.means
            || case when o.name ~ '^assign_chat_to_operator\M' then '; chats given out of turn meanwhile are QUEUE002' else '' end end) as so
  from one o
 -- A view of ours that reads as its owner by now: whom that shows more.
 left join lateral (
   with recursive under as (
     select pg_catalog.to_regclass(pg_catalog.quote_ident(current_schema()) || '.' || pg_catalog.quote_ident(o.name))::oid as oid
     union
     select d.refobjid
       from under u
       join pg_rewrite r on r.ev_class = u.oid
       join pg_depend d on d.classid = 'pg_rewrite'::regclass::oid and d.objid = r.oid and d.refclassid = 'pg_class'::regclass::oid
   ), told as (
     select pg_catalog.bool_or(c.relrowsecurity) as policies,
            pg_catalog.bool_or(exists (
              select from pg_class v
               cross join lateral pg_catalog.aclexplode(v.relacl) as a
               where v.oid = pg_catalog.to_regclass(pg_catalog.quote_ident(current_schema()) || '.' || pg_catalog.quote_ident(o.name))::oid
                 and a.privilege_type = 'SELECT'
                 and not case when a.grantee = 0::oid then pg_catalog.has_any_column_privilege('public', c.oid, 'SELECT')
                              else pg_catalog.has_any_column_privilege(a.grantee, c.oid, 'SELECT') end)) as beyond
       from under u
       join pg_class c on c.oid = u.oid and c.relkind in ('r', 'p')
   )
   select t.policies, t.beyond, not t.policies and not t.beyond as harmless from told t
 ) as eyes on o.kind = 'view' and o.options ~ 'security_invoker=' and o.found_as ? 'options'::text
          and coalesce(o.found_as ->> 'options'::text, '') !~ 'security_invoker=(true|on|1)'
 cross join lateral (
   select case when o.kind = 'view' then nullif(pg_catalog.concat_ws('; ',
            case when o.found_as ? 'query'::text
                 then case when o.name = 'chat_queue' then 'whoever reads it, as get_assignment_queue_status() does, is told another queue than there is; chats are given out without it'
                           else 'whoever reads it is told otherwise than it is; chats are given out without it' end end,
            case when eyes.policies then 'whoever may read it sees rows that the policies of the tables keep from them' end,
            case when eyes.beyond then 'roles that may read it and not its tables see their rows' end,
            case when eyes.harmless and o.differs = 'options'
                 then 'no table under it has row level security, and who may read it may read these: nobody sees a row more today' end), '') end as harm
 ) as shown
 cross join lateral (select pg_catalog.regexp_replace(coalesce(o.found_as ->> 'body'::text, ''), '--[^\n]*', ' ', 'g') as body) as b
 cross join lateral (
   -- What an older text of ours, or of the deployed files, did: told by what stands in it.
   select nullif(pg_catalog.concat_ws('; ',
            case when o.name ~ '^assign_chat_to_operator\M' and b.body !~ 'take_next_chat' then pg_catalog.concat_ws('; ',
              case when b.body ~* '\morder\s+by\s+("?\w+"?\.)?"?created_at\M'
                   then 'chats are given by their own age, not by how long their users wait: these are overtaken, and some wait without end (QUEUE002)' end,
              case when b.body ~* 'waiting_assignment' and b.body !~* '\mwaiting_since\M' then 'chats in which nobody wrote are handed out (QUEUE001)' end,
              case when pg_catalog.regexp_count(b.body, '(?:from|join)\s+chats\M[^;]*waiting_assignment', 1, 'i') > pg_catalog.regexp_count(b.body, '(?:from|join)\s+chats\M[^;]*waiting_assignment[^;]*\mlast_operator_id\M', 1, 'i')
                   then 'an operator may be given the chat that they just had (OPER002)' end,
              case when b.body !~* '\mpaused_until\M' then 'a pause is not kept' end) end,
            case when o.name ~ '^release_and_reassign_chat\M' and b.body !~ 'let_go' then pg_catalog.concat_ws('; ',
              case when b.body ~* 'count\s*\([^;]*\mchat_assignments\M[^;]*released_at\s+is\s+not\s+null' and b.body !~* 'operator_sent_message'
                   then 'every turn that ended counts towards the limit, answered ones too: chats are closed for good (CHAT012)' end,
              case when b.body ~* '\mvalue\s*::\s*(integer|int)\M' then 'no chat is given back while max_reassignments is kept as text (CONF001)' end) end), '') as harm
 ) as old
 where o.differs is not null
   -- Of several functions of one name one must be it: the others are DB019.
   and not exists (select from one b where b.kind = o.kind and b.name = o.name and b.differs is null)
 order by o.critical desc, advice, o.migration, o.kind, o.name
