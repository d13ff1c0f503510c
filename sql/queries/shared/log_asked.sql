-- Whether a row of the log was asked for. a: the row; each filter is null where it was not given
a.target_schema = :'schema'
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
