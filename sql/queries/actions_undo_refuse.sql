-- Writes into the log which actions were not taken back, and why.
-- one entry an action: actions, outcomes, details
insert into chatops.actions (action, chat_id, operator_id, undoes, outcome, detail)
select 'undo', a.chat_id, a.operator_id, a.id, given.outcome, given.detail
from unnest(:'actions'::bigint[], :'outcomes'::text[], :'details'::text[]) as given(action_id, outcome, detail)
join chatops.actions a on a.id = given.action_id
