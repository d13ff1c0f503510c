-- The emergency switch of the guards of one schema, if somebody set it.
select s.value #>> '{}'::text[] as value, s.until, s.reason, s.set_by, s.set_at, (s.until is null or s.until > clock_timestamp()) as in_force
from chatops.settings s
where s.target_schema = current_schema() and s.key = 'guards'
