-- Ends the pause of one schema, and writes that into the log; one that had ended by itself is only cleared away.
with ended as (
  delete from chatops.settings s where s.target_schema = current_schema() and s.key = 'pause' returning s.until
)
insert into chatops.actions (action, before, after)
select 'resume', pg_catalog.jsonb_build_object('paused', true, 'until', ended.until), pg_catalog.jsonb_build_object('paused', false)
  from ended
 where ended.until > clock_timestamp()
returning id as action_id, null::timestamptz as until
