-- Who did what, when, why and with which outcome, the newest first?
-- Each filter is null where it was not given. action_id: one by its number; chat; operator: the one acted for, or who held the chat before or after;
-- who: part of the database role, the account or the pipeline's run; since, until: instants; plan; action: what was done, or its first word; outcome; limit: how many
select a.id as action_id, a.at, a.action, a.outcome, a.chat_id, a.operator_id, a.plan_id, a.reason,
       a.before #>> '{chat,chat_state}'::text[] as state_before, a.after #>> '{chat,chat_state}'::text[] as state_after,
       (a.before #>> '{chat,assigned_operator_id}'::text[])::uuid as operator_before_id,
       (a.after #>> '{chat,assigned_operator_id}'::text[])::uuid as operator_after_id,
       o.name as operator_name, a.code, a.row_id, a.detail, a.undoes, a.environment, a.database_role, a.os_user, pg_catalog.host(a.client_address) as client_address,
       a.ci_run, a.command, a.before, a.after,
       -- The owner of the log, or a superuser, is nobody in particular.
       a.database_role = pg_catalog.pg_get_userbyid(l.relowner)::text
         or exists (select from pg_catalog.pg_roles r where r.rolname = a.database_role and r.rolsuper) as role_is_shared
from chatops.actions a
join pg_catalog.pg_class l on l.oid = 'chatops.actions'::regclass::oid
left join operators o on o.id = a.operator_id
where a.target_schema = :'schema'
  and (:'action_id'::bigint is null or a.id = :'action_id'::bigint)
  and (:'chat'::uuid is null or a.chat_id = :'chat'::uuid)
  and (:'operator'::uuid is null or a.operator_id = :'operator'::uuid
       or a.before #>> '{chat,assigned_operator_id}'::text[] = :'operator'::text
       or a.after #>> '{chat,assigned_operator_id}'::text[] = :'operator'::text)
  and (:'who'::text is null
       or position(pg_catalog.lower(:'who'::text) in pg_catalog.lower(pg_catalog.concat_ws(' ', a.database_role, a.os_user, a.ci_run))) > 0)
  and (:'since'::timestamptz is null or a.at >= :'since'::timestamptz)
  and (:'until'::timestamptz is null or a.at < :'until'::timestamptz)
  and (:'plan'::uuid is null or a.plan_id = :'plan'::uuid)
  and (:'action'::text is null or :'action'::text in (a.action, pg_catalog.split_part(a.action, ' '::text, 1)))
  and (:'outcome'::text is null or a.outcome = :'outcome'::text)
order by a.id desc
limit :'limit'::bigint
