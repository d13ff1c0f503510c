-- Which done actions are meant: one by its number, or those of a plan, the newest first; which were undone since?
-- action_id, plan_id: one of them is null; schema: the tenant's
-- The log is read once, and put together by groups: right after a great many undos the server does not know yet that there are any,
-- and would look for each of them among all.
\set log_fills `cat sql/queries/shared/log_fills.sql`
with undos as materialized (
  select u.id, u.undoes from chatops.actions u where u.undoes is not null and u.outcome = 'done'
), meant as materialized (
  select a.id
    from chatops.actions a
   where a.target_schema = :'schema'
     and (a.id = :'action_id'::bigint or (a.plan_id = :'plan_id'::uuid and a.outcome = 'done'))
), found as (
  select one.id, pg_catalog.max(one.undone_by) as undone_by
    from (select meant.id, null::bigint as undone_by, true as is_meant from meant
          union all
          select u.undoes, u.id, false from undos u where u.id not in (select r.undoes from undos r)) as one
   group by one.id
  having pg_catalog.bool_or(one.is_meant)
)
select a.id as action_id, a.at, a.action, a.outcome, a.chat_id, a.operator_id, a.plan_id, a.reason,
       a.before #>> '{chat,chat_state}'::text[] as state_before, a.after #>> '{chat,chat_state}'::text[] as state_after,
       (a.before #>> '{chat,assigned_operator_id}'::text[])::uuid as operator_before_id,
       (a.after #>> '{chat,assigned_operator_id}'::text[])::uuid as operator_after_id,
       (a.before #>> '{operator,is_available}'::text[])::boolean as available_before,
       (a.after #>> '{operator,is_available}'::text[])::boolean as available_after,
       a.before ? 'chat'::text as of_a_chat, a.before ? 'operator'::text as of_an_operator,
       found.undone_by, :log_fills as fills
from found
join chatops.actions a on a.id = found.id
order by a.id desc
