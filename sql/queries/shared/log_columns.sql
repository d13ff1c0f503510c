-- What the log says of an action. a: its row; o: its operator; l: the log itself
a.id as action_id, a.at, a.action, a.outcome, a.chat_id, a.operator_id, a.plan_id, a.reason,
       a.before #>> '{chat,chat_state}'::text[] as state_before, a.after #>> '{chat,chat_state}'::text[] as state_after,
       (a.before #>> '{chat,assigned_operator_id}'::text[])::uuid as operator_before_id,
       (a.after #>> '{chat,assigned_operator_id}'::text[])::uuid as operator_after_id,
       o.name as operator_name, a.code, a.row_id, a.detail, a.undoes, a.environment, a.database_role, a.os_user, pg_catalog.host(a.client_address) as client_address,
       a.ci_run, a.command, a.before, a.after, :log_fills as fills,
       -- The owner of the log, or a superuser, is nobody in particular.
       a.database_role = pg_catalog.pg_get_userbyid(l.relowner)::text
         or exists (select from pg_catalog.pg_roles r where r.rolname = a.database_role and r.rolsuper) as role_is_shared
