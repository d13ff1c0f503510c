-- Which is the newest action that undo can take back, who did it, and how many of its plan can be taken back with it?
-- What was undone is gathered once: the log is long, and nothing in it leads from an action to its undo.
-- schema: the tenant's
with undone as materialized (
  select u.undoes from chatops.actions u
   where u.undoes is not null and u.outcome = 'done'
     and not exists (select from chatops.actions r where r.undoes = u.id and r.outcome = 'done')
), newest as (
  select a.id, a.at, a.action, a.chat_id, a.operator_id, a.plan_id, a.reason, coalesce(a.os_user, a.database_role) as who
    from chatops.actions a
   where a.target_schema = :'schema' and a.outcome = 'done'
     and (a.before ? 'chat'::text or a.before ? 'operator'::text)
     and a.id not in (select undone.undoes from undone)
   order by a.id desc
   limit 1
)
select n.id as action_id, n.at, n.action, n.chat_id, n.operator_id, n.plan_id, n.reason, n.who,
       (select pg_catalog.count(*) from chatops.actions o
         where o.plan_id = n.plan_id and o.target_schema = :'schema' and o.outcome = 'done'
           and (o.before ? 'chat'::text or o.before ? 'operator'::text)
           and o.id not in (select undone.undoes from undone)) as of_plan
  from newest n
