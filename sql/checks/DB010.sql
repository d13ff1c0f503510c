-- Which sessions block others on the chat tables, keep rows locked that are asked for now, or keep a transaction open?
-- code: DB010
-- title: {count} sessions or prepared transactions keep chats or their tables locked; the worst, {holder}, holds {locks}
-- title-one: {holder} holds {locks}
-- narrow: {count} sessions keep chats or their tables locked
-- narrow-one: 1 session keeps chats or their tables locked
-- severity: warning
-- critical: nearly all chats that wait, two or more, are locked: nobody is given any of them
-- advice: all of them are hidden from this role, and block nobody
-- group: now
-- expected: no session blocks others on the chat tables, keeps waiting chats locked, or stays open on them
-- why: a report, a migration or a crashed client left a transaction open, or prepared one and never finished it
-- consequence: writes wait behind it; waiting chats that it has locked are passed over, as if nobody waited; rows that were changed meanwhile cannot be cleaned up
-- help-sql: {remedy}
-- help-text: ask them first where you know who it is; whether a command of chatops is at work says `log --limit 5`
-- needs-table: chats
-- says: everything is slow; nobody answers
-- limits: long_transaction_minutes, locked_rows_seconds
-- needs-role: pg_read_all_stats
-- partly: yes
-- unplanted: it takes a session that stays open
-- limit: long_transaction_minutes = 5 min, 0.1 to 1000000: a transaction open for so long keeps rows from being cleaned up
-- limit: locked_rows_seconds = 30 s, 0.1 to 1000000: a waiting chat that is locked for so long is passed over and hurts
-- Where half of the chats that wait are locked, two or more, two seconds are enough: assigning keeps one, for milliseconds.
-- Who has locked a row stands in the row (xmax): its transaction, or several as one. That is held against the transactions that live:
-- nothing is written or locked to know it. Only rows that somebody asks for now are looked at: chats that wait or are held,
-- and operators who are available; as a text, by ts_stat, because a cluster's tables have no xmax, and rights may lack. Of a Citus
-- tenant its node is asked: there its rows are locked, and waited for, by sessions that bear the numbers of those here.
-- Of another's session a role without pg_read_all_stats sees the process, its name and its locks, not its times nor what it does.
\set told_by_shards `cat sql/queries/shared/told_by_shards.sql`
\set rows_locked_there `cat sql/checks/shared/rows_locked_there.sql`
with chat_tables as materialized (
  select c.oid, c.relname
    from pg_class c
    join pg_namespace n on n.oid = c.relnamespace and n.nspname = current_schema()
   where c.relkind in ('r', 'p')
     and c.relname in ('operators', 'real_users', 'fictional_users', 'chats', 'messages', 'chat_assignments', 'operator_activity', 'platform_config')
), modes (mode, place, writes, waits) as (
  values ('AccessShareLock', 1, false, ' (only changes of the table itself wait for it)'),
         ('RowShareLock', 2, false, ' (only changes of the table itself wait for it)'),
         ('RowExclusiveLock', 3, true, ' (only changes of the table itself wait for it)'),
         ('ShareUpdateExclusiveLock', 4, true, ' (maintenance and changes of the table itself wait for it)'),
         ('ShareLock', 5, false, ' (writes wait for it)'), ('ShareRowExclusiveLock', 6, true, ' (writes wait for it)'),
         ('ExclusiveLock', 7, true, ' (writes wait for it)'), ('AccessExclusiveLock', 8, true, ' (reads and writes wait for it)')
), granted as materialized (
  -- A prepared transaction has no process; all its locks have one virtual transaction.
  select coalesce(l.pid::text, l.virtualtransaction) as owner, l.pid, l.locktype, l.transactionid, l.mode, m.place, m.writes, t.relname
    from pg_locks l
    join modes m on m.mode = l.mode
    left join chat_tables t on t.oid = l.relation and l.database = (select oid from pg_database where datname = current_database())
   where l.granted
     and l.pid is distinct from pg_backend_pid()
     and (t.oid is not null or (l.locktype = 'transactionid' and l.mode = 'ExclusiveLock'))
), tables as materialized (
  select g.owner, pg_catalog.max(g.place) as place, pg_catalog.bool_or(g.place between 2 and 3 or g.place > 5) as locks_rows,
         pg_catalog.string_agg(distinct g.relname::text, ', ') filter (where g.writes) as writes_to
    from granted g
   where g.relname is not null
   group by g.owner
), asked (text) as (
  select q.text from (:rows_locked_there) as q (text) where exists (select from tables where locks_rows)
), told as materialized (:told_by_shards), there as materialized (
  select (f.number % 10000000000)::integer as pid, f.waiting, f.held, f.operators, f.blocks, f.in_queue
    from told
   cross join lateral xmltable('/table/row' passing told.found columns result text path 'result', here bigint path 'here') as n
   cross join lateral pg_catalog.json_to_recordset(n.result::json)
           as f (number bigint, waiting bigint, held bigint, operators bigint, blocks bigint, in_queue bigint)
   where f.number / 10000000000 = n.here
), marks as materialized (
  select pg_catalog.split_part(w.word, ' ', 1)::xid as mark, pg_catalog.split_part(w.word, ' ', 2) as of, w.ndoc as rows
    from pg_catalog.ts_stat(
      case when exists (select from told)
             or not exists (select from tables where locks_rows)
             or not coalesce(pg_catalog.has_table_privilege((select oid from chat_tables where relname = 'chats'), 'select'), false)
             or not coalesce(pg_catalog.has_table_privilege((select oid from chat_tables where relname = 'operators'), 'select'), false)
           then 'select null::tsvector where false'
           else 'select pg_catalog.array_to_tsvector(array[c.xmax::text || '' waiting'']) from chats c'
                ' where c.is_active and c.chat_state::text = ''waiting_assignment'' and c.xmax::text <> ''0'''
                || case when :'before_018'::boolean then '' else ' and c.waiting_since is not null' end
                || ' union all select pg_catalog.array_to_tsvector(array[''0 in_queue'']) from chats c'
                   ' where c.is_active and c.chat_state::text = ''waiting_assignment'''
                || case when :'before_018'::boolean then '' else ' and c.waiting_since is not null' end
                || ' union all select pg_catalog.array_to_tsvector(array[c.xmax::text || '' held'']) from chats c'
                   ' where c.is_active and c.chat_state::text = ''assigned'' and c.xmax::text <> ''0'''
                   ' union all select pg_catalog.array_to_tsvector(array[o.xmax::text || '' operators'']) from operators o'
                   ' where o.is_active and o.is_available and o.xmax::text <> ''0'''
           end) as w
), lockers as (
  select m.of, m.rows, m.mark as transactionid from marks m where m.of <> 'in_queue'
  union all
  -- Several transactions that have locked one row are one number; which numbers there are tells their age.
  select m.of, m.rows, k.xid
    from marks m
   cross join lateral pg_catalog.pg_get_multixact_members(
     case when m.of <> 'in_queue' and pg_catalog.mxid_age(m.mark) between 1 and (select pg_catalog.max(pg_catalog.mxid_age(d.datminmxid)) from pg_database d)
           and not exists (select from granted g where g.transactionid = m.mark) then m.mark end) as k
   where k.mode <> 'keysh'
), rows_locked as materialized (
  select g.owner,
         coalesce(pg_catalog.sum(k.rows) filter (where k.of = 'waiting'), 0) as waiting,
         coalesce(pg_catalog.sum(k.rows) filter (where k.of = 'held'), 0) as held,
         coalesce(pg_catalog.sum(k.rows) filter (where k.of = 'operators'), 0) as operators
    from lockers k
    join granted g on g.transactionid = k.transactionid
   group by g.owner
  union all
  select t.pid::text, t.waiting, t.held, t.operators from there t
), behind as materialized (
  select blocker.pid, pg_catalog.count(*) as sessions
    from pg_locks l
   cross join lateral pg_catalog.unnest(pg_catalog.pg_blocking_pids(l.pid)) as blocker (pid)
   where not l.granted and l.pid is not null
     and (l.database = (select oid from pg_database where datname = current_database()) or l.database is null)
   group by blocker.pid
  union all
  select t.pid, t.blocks from there t where t.blocks > 0
), sessions as (
  select a.pid::text as owner, a.pid, 'the session with pid ' || a.pid::text as holder, a.usename::text as role, a.application_name as application,
         case when a.query = '<insufficient privilege>' then null else coalesce(pg_catalog.host(a.client_addr), 'this machine') end as address,
         a.state, now() - a.xact_start as open_for,
         case when a.state like 'idle in transaction%' then now() - a.state_change end as idle_for,
         coalesce(b.sessions, 0) as blocks,
         case when a.query = '<insufficient privilege>'
              then pg_catalog.format('hidden from %1$I: as a superuser, grant pg_read_all_stats to %1$I', current_user)
              -- Without literals: they may be what a user wrote.
              else pg_catalog.left(pg_catalog.regexp_replace(a.query, '''[^'']*(''|$)', '''...''', 'g'), 120) end as last_statement,
         a.query = '<insufficient privilege>' as hidden,
         pg_catalog.format('select pg_terminate_backend(%s);', a.pid) as remedy,
         case when not coalesce(pg_catalog.pg_has_role(a.usesysid, 'member'), false) and not pg_catalog.pg_has_role('pg_signal_backend', 'member')
              then 'a superuser, or a member of pg_signal_backend'
              when r.rolsuper and not (select o.rolsuper from pg_roles o where o.rolname = current_user) then 'a superuser' end as ended_by
    from pg_stat_activity a
    join pg_roles r on r.oid = a.usesysid
    left join behind b on b.pid = a.pid
   where a.datname = current_database()
     and a.pid <> pg_backend_pid()
     and coalesce(a.backend_type, 'client backend') = 'client backend'
  union all
  -- It has no session, and outlives a restart; its blockers are told as pid 0.
  select (select g.owner from granted g where g.pid is null and g.transactionid = x.transaction limit 1), 0, 'the prepared transaction ' || x.gid, x.owner::text, null, null, 'prepared', now() - x.prepared, now() - x.prepared,
         coalesce(b.sessions, 0), null, false, pg_catalog.format('rollback prepared %L;', x.gid),
         case when not pg_catalog.pg_has_role(x.owner, 'member') then 'a superuser, or ' || x.owner::text end
    from pg_prepared_xacts x
    left join behind b on b.pid = 0
   where x.database = current_database()
)
select s.holder, s.pid, s.role, s.application, s.address, s.state, s.open_for, s.idle_for, 
       'chatops log ' || (pg_catalog.regexp_match(s.application, '^chatops psql \(log ([0-9]{1,18})\)$'))[1] || ' says who opened it, and what it was given' as logged,
       told.locks || case when s.blocks > 0 then '; waiting behind it: ' || s.blocks::text else '' end as locks, s.blocks, s.last_statement,
       pg_catalog.concat_ws('; ', case when s.blocks > 0 then 'what waits behind it goes on when it ends' end,
                            case when k.waiting > 0 then 'nobody is given the waiting chats that it has locked: they are passed over, as if nobody waited' end,
                            case when k.held > 0 then 'a reply in a chat that it has locked waits' end,
                            case when k.operators > 0 then 'an operator whom it has locked gets no chat' end,
                            case when s.blocks = 0 and asked_for.rows = '' then 'rows that were changed meanwhile cannot be cleaned up' end) as so,
       case when coalesce(k.waiting, 0) > 0 then together.waiting end as locked_waiting,
       case when t.writes_to is not null then 'what it wrote into ' || t.writes_to
            when s.state = 'prepared' then 'what it wrote'
            else 'nothing: it has only read and locked' end as rolls_back,
       s.ended_by, s.remedy,
       coalesce(k.waiting, 0) > 0 as felt,
       coalesce(k.waiting, 0) > 0 and coalesce(together.nearly_all, false) as critical,
       -- Of what is hidden nobody knows how long it has been so.
       s.hidden and s.blocks = 0 as advice
  from sessions s
  left join tables t on t.owner = s.owner
  left join rows_locked k on k.owner = s.owner
 -- Several may keep them together.
 cross join (
   select l.waiting, greatest(q.rows, l.waiting) as of, l.waiting >= 2 and l.waiting * 2 >= q.rows as most, l.waiting >= 2 and l.waiting * 10 >= q.rows * 9 as nearly_all
     from (select coalesce(pg_catalog.sum(o.waiting), 0)::bigint as waiting
             from rows_locked o join sessions s on s.owner = o.owner and (s.hidden or s.open_for >= pg_catalog.make_interval(secs => least(2, :'locked_rows_seconds'::double precision)))) as l
    cross join (select greatest((select pg_catalog.max(m.rows)::bigint from marks m where m.of = 'in_queue'),
                                (select pg_catalog.max(t.in_queue) from there t), 0::bigint) as rows) as q
 ) as together
 cross join lateral (
   select pg_catalog.concat_ws(', ', case when k.waiting > 0 then case when k.waiting >= together.of then 'all ' else '' end || k.waiting::text
                                                           || case when k.waiting < together.of and together.most then ' of ' || together.of::text else '' end || case when k.waiting = 1 then ' waiting chat' else ' waiting chats' end end,
                                     case when k.held > 0 then k.held::text || case when k.held = 1 then ' held chat' else ' held chats' end end,
                                     case when k.operators > 0 then k.operators::text || case when k.operators = 1 then ' operator' else ' operators' end end) as rows
 ) as asked_for
 cross join lateral (
   select coalesce(pg_catalog.concat_ws(' and ', case when asked_for.rows <> '' then 'row locks on ' || asked_for.rows end,
            (select m.mode || ' on ' || pg_catalog.string_agg(distinct g.relname::text, ', ') || m.waits
               from granted g join modes m on m.mode = g.mode
              where g.owner = s.owner and g.relname is not null and g.place = t.place
                -- What a row lock takes by the way says nothing more.
                and (g.place > 3 or asked_for.rows = '')
              group by m.mode, m.waits)), 'locks that others wait for') as locks
 ) as told
 where (t.owner is not null or s.state = 'prepared')
   and (s.blocks > 0
        -- Nobody can even read the table.
        or (t.place = 8 and s.open_for > interval '5 seconds')
        or (k.waiting > 0 and together.most and s.open_for >= interval '2 seconds')
        or (k.waiting > 0 and (s.hidden or s.open_for > pg_catalog.make_interval(secs => :'locked_rows_seconds'::double precision)))
        or ((k.held > 0 or k.operators > 0) and s.idle_for > pg_catalog.make_interval(secs => :'locked_rows_seconds'::double precision))
        or s.open_for > pg_catalog.make_interval(secs => 60::double precision * :'long_transaction_minutes'::double precision))
 order by advice, s.blocks desc, felt desc, s.open_for desc nulls last
