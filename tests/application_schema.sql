-- The platform's own database, as its users build it: everything the application brings, without a row.
--
-- Accounts in auth.users, which the people's ids reference; unique names; pgcrypto and uuid-ossp in a schema of their own on
-- the owner's path; row level security everywhere; the hosting's roles and default privileges; an owner who is no superuser;
-- a publication. After it come 014 to 017, as their owner: see `build_application` in conftest.py.
-- Roles belong to the whole server, so another test may create them at the same moment.
do $roles$
declare
  v_role text;
begin
  foreach v_role in array array['anon', 'authenticated', 'service_role', 'platform_owner', 'authenticator'] loop
    begin
      execute format('create role %I', v_role);
    exception when duplicate_object or unique_violation then
      null;
    end;
  end loop;
  perform pg_advisory_xact_lock(hashtextextended('roles of the application', 0));
  if not (select rolcanlogin from pg_roles where rolname = 'authenticator') then
    alter role service_role bypassrls;
    alter role authenticator login noinherit;
    grant anon, authenticated, service_role to authenticator;
    alter role platform_owner login createrole;
    grant anon, authenticated, service_role to platform_owner;
    alter role platform_owner set search_path = "$user", public, extensions;
  end if;
end
$roles$;

do $database$
begin
  execute format('grant create on database %I to platform_owner', current_database());
end
$database$;
alter schema public owner to platform_owner;
grant usage on schema public to anon, authenticated, service_role;

create schema extensions authorization platform_owner;
grant usage on schema extensions to anon, authenticated, service_role;
do $extensions$
begin
  -- The embedded server is built without these two: there the functions that the application calls stand for them.
  if exists (select from pg_available_extensions where name = 'pgcrypto') then
    create extension pgcrypto schema extensions;
  else
    create function extensions.gen_salt(text, integer) returns text language sql volatile as 'select md5(random()::text)';
    create function extensions.crypt(text, text) returns text language sql immutable as 'select md5($2 || $1)';
  end if;
  if exists (select from pg_available_extensions where name = 'uuid-ossp') then
    create extension "uuid-ossp" schema extensions;
  else
    create function extensions.uuid_generate_v4() returns uuid language sql volatile parallel safe as 'select gen_random_uuid()';
  end if;
end
$extensions$;

create schema auth;
grant usage on schema auth to platform_owner, anon, authenticated, service_role;
create table auth.users (
  id uuid primary key default gen_random_uuid(),
  email text unique,
  encrypted_password text,
  created_at timestamptz not null default now()
);
create function auth.uid() returns uuid language sql stable as
$$ select nullif(nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub', '')::uuid $$;
create function auth.role() returns text language sql stable as
$$ select nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'role' $$;
-- Rows of auth are the owner's to write, its tables are not the owner's to change.
grant select, insert, update, delete, references on auth.users to platform_owner;

alter default privileges for role platform_owner in schema public grant all on tables to anon, authenticated, service_role;
alter default privileges for role platform_owner in schema public grant all on functions to anon, authenticated, service_role;
alter default privileges for role platform_owner in schema public grant all on sequences to anon, authenticated, service_role;

set local role platform_owner;
set local search_path = public, extensions;

create table admins (id uuid primary key references auth.users (id) on delete cascade, name text not null unique, password_hash text);
create table operators (
  id uuid primary key references auth.users (id) on delete cascade,
  name text not null unique,
  email text not null unique,
  is_active boolean default true,
  is_available boolean default false,
  is_suspended boolean default false,
  last_activity timestamptz default now(),
  total_messages integer default 0,
  created_at timestamptz default now()
);
create table real_users (
  id uuid primary key references auth.users (id) on delete cascade,
  name text not null unique,
  email text unique,
  credits integer not null default 0 check (credits >= 0),
  is_active boolean default true,
  created_at timestamptz default now()
);
\ir application_tables.sql
alter table fictional_users alter column id set default uuid_generate_v4(), add column is_active boolean default true;
alter table chats alter column id set default uuid_generate_v4();
alter table messages alter column id set default uuid_generate_v4();
alter table chat_assignments alter column id set default uuid_generate_v4();
alter table operator_activity alter column id set default uuid_generate_v4();
alter table messages add check (length(content) between 1 and 5000);
create index idx_assignments_operator on chat_assignments (operator_id);

-- Policies call these, so they see past the policies.
create function is_admin() returns boolean language sql stable security definer as
$$ select exists (select 1 from public.admins where id = auth.uid()) $$;
create function is_operator() returns boolean language sql stable security definer as
$$ select exists (select 1 from public.operators where id = auth.uid() and is_active) $$;
create function has_admin() returns boolean language sql stable security definer as
$$ select exists (select 1 from public.admins) $$;
create function create_initial_admin(p_email text, p_name text, p_password text) returns uuid
language plpgsql security definer set search_path = public, extensions as
$$
declare
  v_id uuid;
begin
  if has_admin() then
    raise exception 'there is an admin';
  end if;
  insert into auth.users (email, encrypted_password) values (p_email, crypt(p_password, gen_salt('bf', 4))) returning id into v_id;
  insert into admins (id, name, password_hash) values (v_id, p_name, crypt(p_password, gen_salt('bf', 4)));
  return v_id;
end
$$;

create function update_chat_stats() returns trigger language plpgsql security definer as
$$
begin
  update public.chats set message_count = message_count + 1, last_message_at = new.created_at where id = new.chat_id;
  return new;
end
$$;
create trigger messages_update_chat_stats after insert on messages for each row execute function update_chat_stats();

do $security$
declare
  v_table regclass;
begin
  foreach v_table in array array['admins', 'operators', 'real_users', 'fictional_users', 'chats', 'messages', 'chat_assignments',
                                 'operator_activity', 'platform_config']::regclass[] loop
    execute format('alter table %s enable row level security', v_table);
  end loop;
end
$security$;

create policy admins_self on admins for select using (id = auth.uid());
create policy operators_read on operators for select using (id = auth.uid() or is_admin());
create policy operators_self on operators for update using (id = auth.uid() or is_admin());
create policy users_read on real_users for select using (id = auth.uid() or is_operator() or is_admin());
create policy users_write on real_users for update using (is_admin());
create policy profiles_read on fictional_users for select using (true);
-- An operator sees the chats that nobody else holds; a reply's new row must still be one of these.
create policy chats_read on chats for select using (
  real_user_id = auth.uid() or is_admin()
  or (is_operator() and (assigned_operator_id is null or assigned_operator_id = auth.uid()))
);
create policy chats_begin on chats for insert with check (real_user_id = auth.uid() or is_admin());
create policy chats_write on chats for update using (real_user_id = auth.uid() or is_operator() or is_admin());
create policy messages_read on messages for select using (
  is_operator() or is_admin() or exists (select 1 from chats as c where c.id = chat_id and c.real_user_id = auth.uid())
);
create policy messages_of_operators on messages for insert with check (
  sender_type = 'fictional' and handled_by_operator_id = auth.uid() and is_operator()
);
create policy messages_of_users on messages for insert with check (
  sender_type = 'real' and exists (select 1 from chats as c where c.id = chat_id and c.real_user_id = auth.uid())
);
create policy messages_mark on messages for update using (
  is_operator() or is_admin() or exists (select 1 from chats as c where c.id = chat_id and c.real_user_id = auth.uid())
);
create policy assignments_all on chat_assignments for all using (is_operator() or is_admin());
create policy activity_all on operator_activity for all using (is_operator() or is_admin());
create policy config_read on platform_config for select using (is_operator() or is_admin());
create policy config_write on platform_config for all using (is_admin());

reset role;
create publication supabase_realtime for table public.chats, public.messages, public.operators;
