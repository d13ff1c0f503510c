-- Which functions have another body than the file gave them that the ledger says is in?
-- code: DB018
-- title: {count} functions have another body than the applied files gave them
-- title-one: the function {object} has another body than {migration} gave it
-- severity: warning
-- group: schema
-- expected: the body of each function is the one of the newest applied file that makes it
-- why: somebody replaced it by hand, or another tool ran an older file after ours
-- consequence: the database does not do what the ledger says; faults that a file mended may be back
-- help: status
-- needs-table: chats
-- says: the deploy is not right · operator loses the chat
-- unplanted: it takes a ledger that says which text went in
-- The parameter: {"function": {"file": "021_...", "md5": ["..."]}}; files that were adopted hold the application's own text and are not there.
select w.name as object,
       max(p.oid::regprocedure::text) as signature,
       w.said ->> 'file' as migration
  from jsonb_each(:'bodies'::jsonb) as w (name, said)
  join pg_namespace n on n.nspname = current_schema()
  join pg_proc p on p.pronamespace = n.oid and p.proname = w.name
 group by w.name, w.said
having not bool_or(w.said -> 'md5' ? md5(replace(p.prosrc, E'\r\n', E'\n')))
 order by 1
