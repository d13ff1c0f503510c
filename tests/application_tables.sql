-- The application's tables of profiles and chats and what belongs to them, for both databases of the tests that are as its users have them.
--
-- `application_schema.sql` and `deployed_schema.sql` bring the people before it, and the rest behind it.
create table fictional_users (
  id uuid primary key default gen_random_uuid(),
  name text not null,
  age integer,
  bio text,
  created_at timestamptz default now()
);
create table chats (
  id uuid primary key default gen_random_uuid(),
  real_user_id uuid not null references real_users (id) on delete cascade,
  fictional_user_id uuid not null references fictional_users (id) on delete cascade,
  assigned_operator_id uuid references operators (id) on delete set null,
  assignment_time timestamptz,
  last_message_at timestamptz,
  message_count integer default 0,
  free_messages_used integer default 0,
  admin_notes text,
  is_active boolean default true,
  created_at timestamptz default now(),
  updated_at timestamptz default now(),
  unique (real_user_id, fictional_user_id)
);
create table messages (
  id uuid primary key default gen_random_uuid(),
  chat_id uuid not null references chats (id) on delete cascade,
  sender_type text not null check (sender_type in ('real', 'fictional')),
  content text not null,
  media_url text,
  handled_by_operator_id uuid references operators (id) on delete set null,
  is_free_message boolean default false,
  created_at timestamptz default now(),
  delivered_at timestamptz,
  read_at timestamptz
);
create table chat_assignments (
  id uuid primary key default gen_random_uuid(),
  chat_id uuid not null references chats (id) on delete cascade,
  operator_id uuid not null references operators (id) on delete cascade,
  assigned_at timestamptz default now(),
  released_at timestamptz,
  release_reason text,
  created_at timestamptz default now()
);
create table operator_activity (
  id uuid primary key default gen_random_uuid(),
  chat_id uuid not null references chats (id) on delete cascade,
  operator_id uuid not null references operators (id) on delete cascade,
  last_activity timestamptz default now(),
  updated_at timestamptz default now(),
  unique (chat_id, operator_id)
);
create table platform_config (
  key text primary key,
  value jsonb not null,
  description text,
  updated_at timestamptz default now()
);
insert into platform_config (key, value, description) values
  ('max_reassignments', '"3"', 'saved by the settings page'), ('idle_timeout_minutes', '5', null);

create index idx_chats_assigned_operator on chats (assigned_operator_id);
create index idx_messages_chat_created on messages (chat_id, created_at desc);
create index idx_assignments_chat on chat_assignments (chat_id);

create function touch_updated_at() returns trigger language plpgsql as
$$ begin new.updated_at = now(); return new; end $$;
create trigger chats_touch_updated_at before update on chats for each row execute function touch_updated_at();
