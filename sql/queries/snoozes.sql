-- Which findings are silent in this schema for everybody, and by whom?
-- schema
select substring(s.key from 8) as code, s.until, s.reason, s.set_by, s.set_at
from chatops.settings s
where s.target_schema = :'schema' and s.key like 'snooze %' and s.until > clock_timestamp()
order by code
