-- Plants DB009: the release function was made again, and its grants were gone.
-- not-in-demo: it takes a role service_role, which belongs to the whole server
do $plant$
begin
  if not exists (select from pg_roles where rolname = 'service_role') then
    create role service_role nologin;
  end if;
end
$plant$;
grant execute on all functions in schema public to service_role;
revoke execute on function release_and_reassign_chat(uuid, text) from public, service_role;
