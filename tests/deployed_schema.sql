-- A database as the application leaves it after its own 001 to 017: synthetic, with everything that is not ours to change.
--
-- More columns, tables and triggers than the toolkit relies on; row level security everywhere; roles and grants as the
-- hosting sets them up; objects owned by a role that is no superuser; the application's own text of what 014 to 017 make.
-- Roles belong to the whole server, so another test may create them at the same moment.
do $roles$
declare
  v_role text;
begin
  foreach v_role in array array['anon', 'authenticated', 'service_role', 'application_owner'] loop
    begin
      execute format('create role %I nologin', v_role);
    exception when duplicate_object or unique_violation then
      null;
    end;
  end loop;
end
$roles$;

grant usage, create on schema public to application_owner;
grant usage on schema public to anon, authenticated, service_role;

create schema auth;
create table auth.users (id uuid primary key default gen_random_uuid(), email text);
create function auth.uid() returns uuid language sql stable as
$$ select nullif(current_setting('request.jwt.claims', true)::jsonb ->> 'sub', '')::uuid $$;
grant usage on schema auth to application_owner, anon, authenticated, service_role;
grant references, select on auth.users to application_owner;

-- The hosting opens whatever its owner creates to the roles of the published interface.
alter default privileges for role application_owner in schema public grant all on tables to anon, authenticated, service_role;
alter default privileges for role application_owner in schema public grant all on functions to anon, authenticated, service_role;

set local role application_owner;

-- 001 to 013 ---------------------------------------------------------------------------------------------------------

create table admins (id uuid primary key references auth.users (id) on delete cascade, name text not null);
create table operators (
  id uuid primary key default gen_random_uuid(),
  auth_id uuid unique references auth.users (id) on delete cascade,
  name text not null,
  email text not null unique,
  is_active boolean default true,
  is_available boolean default false,
  is_suspended boolean default false,
  last_activity timestamptz,
  total_messages integer default 0,
  created_at timestamptz default now()
);
create table real_users (
  id uuid primary key default gen_random_uuid(),
  auth_id uuid unique references auth.users (id) on delete cascade,
  name text,
  email text,
  credits integer not null default 0 check (credits >= 0),
  is_active boolean default true,
  created_at timestamptz default now()
);
\ir application_tables.sql

create function is_admin() returns boolean language sql stable security definer as
$$ select exists (select 1 from admins where id = auth.uid()) $$;
create function is_operator() returns boolean language sql stable security definer as
$$ select exists (select 1 from operators where auth_id = auth.uid() and is_active) $$;

create function update_chat_stats() returns trigger language plpgsql security definer as
$$
begin
  update chats set message_count = message_count + 1, last_message_at = new.created_at where id = new.chat_id;
  return new;
end
$$;
create trigger messages_update_chat_stats after insert on messages for each row execute function update_chat_stats();

alter table admins enable row level security;
alter table operators enable row level security;
alter table real_users enable row level security;
alter table fictional_users enable row level security;
alter table chats enable row level security;
alter table messages enable row level security;
alter table chat_assignments enable row level security;
alter table operator_activity enable row level security;
alter table platform_config enable row level security;

create policy admins_self on admins for select using (id = auth.uid());
create policy operators_read on operators for select using (auth_id = auth.uid() or is_admin());
create policy users_read on real_users for select using (auth_id = auth.uid() or is_operator() or is_admin());
create policy profiles_read on fictional_users for select using (true);
create policy chats_read on chats for select using (is_operator() or is_admin());
create policy chats_write on chats for update using (is_operator() or is_admin());
create policy messages_read on messages for select using (is_operator() or is_admin());
create policy messages_write on messages for insert with check (is_operator() or is_admin());
create policy assignments_all on chat_assignments for all using (is_operator() or is_admin());
create policy activity_all on operator_activity for all using (is_operator() or is_admin());
create policy config_read on platform_config for select using (is_admin());

-- 014 ----------------------------------------------------------------------------------------------------------------

alter table chats add column chat_state text default 'waiting_assignment'
  check (chat_state in ('waiting_assignment', 'assigned', 'waiting_real_user_reply', 'completed'));
alter table chats add column last_operator_id uuid references operators (id) on delete set null;
alter table chats add column operator_replied_at timestamptz;
create index idx_chats_waiting_assignment on chats (chat_state, is_active, created_at)
  where chat_state = 'waiting_assignment' and is_active = true;
create index idx_chats_last_operator on chats (last_operator_id) where last_operator_id is not null;
create index idx_chats_operator_replied on chats (operator_replied_at) where chat_state = 'waiting_real_user_reply';
create function validate_chat_state_transition() returns trigger language plpgsql as
$$ begin return new; end $$;

-- 015 ----------------------------------------------------------------------------------------------------------------

create function assign_chat_to_operator(p_operator_id uuid) returns uuid language plpgsql security definer as
$$ begin return null; end $$;
create function release_and_reassign_chat(p_chat_id uuid, p_reason text default 'manual_release') returns boolean
language plpgsql security definer as
$$ begin return true; end $$;

-- 016 ----------------------------------------------------------------------------------------------------------------

alter table chats add constraint chk_assigned_state_has_operator
  check ((chat_state = 'assigned' and assigned_operator_id is not null) or chat_state != 'assigned');
alter table chats add constraint chk_waiting_reply_has_timestamp
  check ((chat_state = 'waiting_real_user_reply' and operator_replied_at is not null)
         or chat_state != 'waiting_real_user_reply');
create view chat_state_summary as
select chat_state, count(*) as count, count(assigned_operator_id) as with_operator,
       count(last_operator_id) as has_last_operator, min(created_at) as oldest_chat, max(created_at) as newest_chat
  from chats where is_active = true group by chat_state;
create function get_assignment_queue_status()
returns table (total_waiting integer, total_assigned integer, total_waiting_reply integer,
               oldest_waiting_chat timestamptz, average_wait_time_minutes numeric)
language plpgsql as
$$
begin
  return query
  select count(*) filter (where chat_state = 'waiting_assignment')::integer,
         count(*) filter (where chat_state = 'assigned')::integer,
         count(*) filter (where chat_state = 'waiting_real_user_reply')::integer,
         min(created_at) filter (where chat_state = 'waiting_assignment'),
         avg(extract(epoch from (now() - created_at)) / 60) filter (where chat_state = 'waiting_assignment')
    from chats where is_active = true;
end
$$;
create function detect_stuck_chats(p_hours integer default 24)
returns table (chat_id uuid, chat_state text, assigned_operator_id uuid, last_operator_id uuid,
               hours_in_state numeric, last_message_at timestamptz)
language plpgsql as
$$
begin
  return query
  select c.id, c.chat_state, c.assigned_operator_id, c.last_operator_id,
         extract(epoch from (now() - c.updated_at)) / 3600, c.last_message_at
    from chats c
   where c.is_active = true and c.chat_state != 'completed' and c.updated_at < now() - (p_hours || ' hours')::interval;
end
$$;

-- 017 ----------------------------------------------------------------------------------------------------------------

create function should_keep_assignment(p_chat_id uuid, p_current_state text, p_assigned_operator_id uuid)
returns boolean language plpgsql security definer as
$$ begin return p_current_state = 'assigned' and p_assigned_operator_id is not null; end $$;

-- Hardened by hand since: nobody's file says so, so nobody's file may undo it.
revoke execute on function release_and_reassign_chat(uuid, text) from public, anon, authenticated;
revoke all on chat_state_summary from anon;
grant select (id, name) on operators to anon;

-- Rows of every kind, dirty ones included. ------------------------------------------------------------------------------

insert into operators (name, email, is_active, is_available, last_activity) values
  ('Ada', 'ada@example.test', true, true, now() - interval '1 minute'),
  ('Ben', 'ben@example.test', true, true, now() - interval '2 hours'),
  ('Cy', 'cy@example.test', null, null, null);
insert into fictional_users (name) values ('Vera');
insert into real_users (name) select 'user-' || n from generate_series(1, 8) as n;
insert into chats (real_user_id, fictional_user_id, created_at, chat_state, is_active, assigned_operator_id, assignment_time,
                   operator_replied_at)
select u.id, f.id, now() - interval '3 days',
       case u.name when 'user-1' then 'waiting_assignment' when 'user-2' then 'assigned'
                   when 'user-3' then 'waiting_real_user_reply' when 'user-4' then 'completed'
                   when 'user-5' then null when 'user-6' then 'waiting_assignment'
                   when 'user-7' then 'waiting_assignment' else 'waiting_real_user_reply' end,
       case u.name when 'user-4' then false else true end,
       case when u.name in ('user-2', 'user-6') then o.id end,
       case when u.name = 'user-2' then now() - interval '2 hours' end,
       case when u.name in ('user-3', 'user-8') then now() - interval '1 day' end
  from real_users as u cross join fictional_users as f join operators as o on o.name = 'Ben';
insert into messages (chat_id, sender_type, content, created_at)
select c.id, 'real', 'hello', now() - interval '26 hours' from chats as c join real_users as u on u.id = c.real_user_id
 where u.name <> 'user-7';
insert into messages (chat_id, sender_type, content, created_at, handled_by_operator_id)
select c.id, 'fictional', 'hi', now() - interval '1 day', o.id
  from chats as c join real_users as u on u.id = c.real_user_id join operators as o on o.name = 'Ada'
 where u.name in ('user-3', 'user-4', 'user-8');
insert into messages (chat_id, sender_type, content, created_at)
select c.id, 'real', 'are you there?', now() - interval '5 hours'
  from chats as c join real_users as u on u.id = c.real_user_id where u.name = 'user-8';
insert into chat_assignments (chat_id, operator_id, assigned_at)
select id, assigned_operator_id, assignment_time from chats where chat_state = 'assigned';
insert into operator_activity (chat_id, operator_id, last_activity)
select id, assigned_operator_id, now() - interval '2 hours' from chats where chat_state = 'assigned';

reset role;
