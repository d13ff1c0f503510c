-- Which statements on the chat tables are slow each time?
-- code: DB027
-- title: {count} statements on the chat tables take longer than {slow_statement_ms} ms
-- title-one: a statement on the chat tables takes {takes} each time
-- severity: advice
-- group: now
-- about: database
-- expected: no statement on the chat tables is slow on the average, as far as pg_stat_statements knows
-- why: an index is missing or is not used, a page asks without a limit, or a policy is evaluated for each row
-- consequence: the page that sends it makes people wait, and takes time from everybody else
-- help-text: a person decides: see its plan with explain (analyze, buffers) in `psql`; select pg_stat_statements_reset() begins to count anew
-- says: everything is slow
-- if-extension: pg_stat_statements
-- needs-role: pg_read_all_stats
-- limits: slow_statement_ms
-- limit: slow_statement_ms = 500 ms, 1 to 600000: a statement takes so long on the average
-- unplanted: it takes a server that was started with pg_stat_statements
-- Twenty calls at least: one report is no trouble. What chatops asks does not count: it qualifies its functions, as the API's own
-- wrapper does, which is told apart by its name.
-- The view is there only where the extension is, so its query is a text: ts_stat runs one, on every server and within this
-- snapshot, and gives back the words of what it selects; each row is one word.
with asked as (
  select pg_catalog.format(
    'select pg_catalog.array_to_tsvector(array[pg_catalog.to_jsonb(one)::text])'
    '  from (select s.calls, s.mean_exec_time as mean_ms, s.total_exec_time as total_ms, s.queryid,'
    '               pg_catalog.left(pg_catalog.regexp_replace(pg_catalog.regexp_replace(s.query, %L, %L, ''g''), %L, %L, ''g''), 200)'
    '                 as statement'
    '          from %I.pg_stat_statements s'
    '         where s.dbid = (select d.oid from pg_catalog.pg_database d where d.datname = current_database())'
    '           and s.calls >= 20 and s.mean_exec_time >= %L::float8 and s.query ~* %L and s.query ~* %L'
    '           and (s.query !~ %L or s.query ~ %L)) as one',
    -- Without literals, which may be what a user wrote.
    '''[^'']*(''|$)', '''...''', '[[:cntrl:][:space:]]+', ' ', n.nspname, :'slow_statement_ms'::text,
    '^\s*(select|insert|update|delete|with|merge)\M', '\m(chats|messages|chat_assignments|operator_activity|operators)\M',
    'pg_catalog\.', 'pgrst') as query
    from pg_extension e
    join pg_namespace n on n.oid = e.extnamespace
   where e.extname = 'pg_stat_statements'
     -- Made, but not loaded when the server was started: its view raises an error.
     and pg_catalog.current_setting('pg_stat_statements.max', true) is not null
), slow as (
  select word.word::jsonb as one
    from asked a
   cross join lateral pg_catalog.ts_stat(a.query) as word
)
select pg_catalog.make_interval(secs => (s.one ->> 'mean_ms'::text)::double precision / 1000::double precision) as takes,
       (s.one ->> 'calls'::text)::bigint as calls,
       pg_catalog.make_interval(secs => (s.one ->> 'total_ms'::text)::double precision / 1000::double precision) as together,
       pg_catalog.left(s.one ->> 'statement'::text, 120) as statement_text
  from slow s
 order by (s.one ->> 'total_ms'::text)::double precision desc
