-- May this role do more than a person on call: is it a superuser, one who makes roles or sees all rows, or the owner of the chats?
-- name: of the role; no row: it is not there
select r.rolsuper or r.rolcreaterole or r.rolbypassrls
       or exists (select from pg_catalog.pg_class c where c.oid = pg_catalog.to_regclass('chats')::oid and c.relowner = r.oid) as administers
  from pg_catalog.pg_roles r
 where r.rolname = :'name'
