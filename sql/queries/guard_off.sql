-- Switches the guards of one schema off until an instant, and writes that into the log; nothing restarts, open connections obey.
-- key: guards; value: "off"
\set setting_until `cat sql/queries/shared/setting_until.sql`
with switched as (:setting_until)
insert into chatops.actions (action, before, after)
select 'guard off', :'before'::jsonb, pg_catalog.jsonb_build_object('guards', 'off', 'until', switched.until) from switched
returning id as action_id, (after ->> 'until'::text)::timestamptz as until
