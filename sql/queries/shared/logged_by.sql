-- Who did what the log says: the role, or the account where the role is nobody in particular: the owner of the log, or a superuser.
-- a: a row of the log; l: the log itself
case when a.database_role = pg_catalog.pg_get_userbyid(l.relowner)::text
       or exists (select from pg_catalog.pg_roles r where r.rolname = a.database_role and r.rolsuper)
     then coalesce(a.os_user, a.database_role) else a.database_role end
