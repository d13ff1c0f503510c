-- What the nodes of a Citus cluster answer to one question; elsewhere nothing. asked: its text
select pg_catalog.query_to_xml(pg_catalog.format(
         'select w.result from pg_catalog.run_command_on_all_nodes(%L) as w where w.success and w.result <> ''''', asked.text),
         true, false, '') as found
  from asked
 where exists (select from pg_catalog.pg_extension e where e.extname = 'citus')
