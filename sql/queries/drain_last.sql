-- What was the last drain of an operator that was not taken back?
-- operator; schema: the tenant's
select a.id as action_id, a.at, (a.before #>> '{operator,is_available}'::text[])::boolean as available_before, a.reason
from chatops.actions a
where a.target_schema = :'schema' and a.operator_id = :'operator'::uuid and a.action = 'drain' and a.outcome = 'done'
  and not exists (select from chatops.actions u where u.undoes = a.id and u.outcome = 'done'
                     and not exists (select from chatops.actions r where r.undoes = u.id and r.outcome = 'done'))
order by a.id desc
limit 1
