-- What a snooze of one schema was before, and who sets it now.
-- key: the setting; who: the account, where several people have one role
select (select pg_catalog.jsonb_build_object('until', s.until, 'reason', s.reason)::text
          from chatops.settings s
         where s.target_schema = current_schema() and s.key = :'key'::text) as was,
       -- The owner of the log, or a superuser, is nobody in particular.
       case when session_user::text = pg_catalog.pg_get_userbyid(l.relowner)::text
              or exists (select from pg_catalog.pg_roles r where r.rolname = session_user and r.rolsuper)
            then coalesce(nullif(:'who'::text, ''), session_user::text) else session_user::text end as name
  from pg_catalog.pg_class l
 where l.oid = 'chatops.settings'::regclass::oid
