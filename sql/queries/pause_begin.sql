-- Pauses the queue of one schema until an instant, and writes that into the log; nothing restarts, open connections obey.
-- key: pause; value: "on"
\set setting_until `cat sql/queries/shared/setting_until.sql`
with paused as (:setting_until)
insert into chatops.actions (action, after)
select 'pause', pg_catalog.jsonb_build_object('paused', true, 'until', paused.until) from paused
returning id as action_id, (after ->> 'until'::text)::timestamptz as until
