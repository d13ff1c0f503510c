-- Which roles has this role made? From Postgres 16 on whoever makes a role is its member, and may pass that on; 15 does not say.
select made.rolname::text
  from pg_auth_members as m
  join pg_roles as made on made.oid = m.roleid
  join pg_roles as maker on maker.oid = m.member
 where maker.rolname = :'role' and m.admin_option;
