-- A role for one person: logs in, is a member of chatops_operator, and is what the log names. Safe to run again: the password stays.
-- needs: chatops_operator
-- The settings chatops.person and chatops.verifier say who, and what the server keeps of the password ('': it is set later).
do $person$
declare
  v_name     constant text := pg_catalog.current_setting('chatops.person');
  v_verifier constant text := pg_catalog.current_setting('chatops.verifier');
begin
  if not exists (select from pg_catalog.pg_roles where rolname = v_name) then
    execute pg_catalog.format('create role %I login', v_name);
  end if;
  if not (select rolcanlogin from pg_catalog.pg_roles where rolname = v_name) then
    execute pg_catalog.format('alter role %I login', v_name);
  end if;
  if v_verifier <> ''::text then
    execute pg_catalog.format('alter role %I password %L', v_name, v_verifier);
  end if;
  if not exists (select from pg_catalog.pg_auth_members as m
                  where m.member = pg_catalog.quote_ident(v_name)::regrole and m.roleid = 'chatops_operator'::regrole) then
    execute pg_catalog.format('grant chatops_operator to %I', v_name);
  end if;
end
$person$;
