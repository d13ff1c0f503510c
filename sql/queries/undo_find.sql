-- Which done actions are meant: one by its number, or those of a plan, the newest first; which were undone since?
-- action_id, plan_id: one of them is null; schema: the tenant's
-- What was undone is read once: a plan may have tens of thousands of actions.
with undone as (
  select u.undoes, pg_catalog.max(u.id) as undone_by
    from chatops.actions u
   where u.undoes is not null and u.outcome = 'done'
     and not exists (select from chatops.actions r where r.undoes = u.id and r.outcome = 'done')
   group by u.undoes
)
select a.id as action_id, a.at, a.action, a.outcome, a.chat_id, a.operator_id, a.plan_id, a.reason,
       a.before #>> '{chat,chat_state}'::text[] as state_before, a.after #>> '{chat,chat_state}'::text[] as state_after,
       (a.before #>> '{chat,assigned_operator_id}'::text[])::uuid as operator_before_id,
       (a.after #>> '{chat,assigned_operator_id}'::text[])::uuid as operator_after_id,
       (a.before #>> '{operator,is_available}'::text[])::boolean as available_before,
       (a.after #>> '{operator,is_available}'::text[])::boolean as available_after,
       a.before ? 'chat'::text as of_a_chat, a.before ? 'operator'::text as of_an_operator,
       undone.undone_by
from chatops.actions a
left join undone on undone.undoes = a.id
where a.target_schema = :'schema'
  and (a.id = :'action_id'::bigint or (a.plan_id = :'plan_id'::uuid and a.outcome = 'done'))
order by a.id desc
