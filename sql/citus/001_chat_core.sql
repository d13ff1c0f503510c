-- The chat tables on a Citus cluster: made one by one, for what a block makes stays on the coordinator, in silence.
-- only-without: chats

-- instead of: do $chat_core$
create table operators (
  id             uuid primary key default gen_random_uuid(),
  name           text not null,
  email          text unique,
  is_active      boolean default true,
  is_available   boolean default false,
  last_activity  timestamptz,
  total_messages integer default 0,
  created_at     timestamptz not null default now()
);

create table real_users (
  id         uuid primary key default gen_random_uuid(),
  name       text,
  created_at timestamptz not null default now()
);

create table fictional_users (
  id         uuid primary key default gen_random_uuid(),
  name       text,
  created_at timestamptz not null default now()
);

create table chats (
  id                   uuid primary key default gen_random_uuid(),
  real_user_id         uuid not null references real_users (id) on delete cascade,
  fictional_user_id    uuid not null references fictional_users (id) on delete cascade,
  assigned_operator_id uuid references operators (id) on delete set null,
  assignment_time      timestamptz,
  last_message_at      timestamptz,
  message_count        integer default 0,
  is_active            boolean default true,
  created_at           timestamptz not null default now(),
  updated_at           timestamptz not null default now(),
  unique (real_user_id, fictional_user_id)
);
create index idx_chats_fictional_user on chats (fictional_user_id);
create index idx_chats_assigned_operator on chats (assigned_operator_id) where assigned_operator_id is not null;

create table messages (
  id                     uuid primary key default gen_random_uuid(),
  chat_id                uuid not null references chats (id) on delete cascade,
  sender_type            text not null check (sender_type in ('real', 'fictional')),
  content                text not null default '',
  handled_by_operator_id uuid references operators (id) on delete set null,
  is_free_message        boolean default false,
  created_at             timestamptz not null default now(),
  delivered_at           timestamptz,
  read_at                timestamptz
);
create index idx_messages_chat_created on messages (chat_id, created_at);
create index idx_messages_handled_by on messages (handled_by_operator_id) where handled_by_operator_id is not null;

create table chat_assignments (
  id             uuid primary key default gen_random_uuid(),
  chat_id        uuid not null references chats (id) on delete cascade,
  operator_id    uuid not null references operators (id) on delete cascade,
  assigned_at    timestamptz not null default now(),
  released_at    timestamptz,
  release_reason text,
  created_at     timestamptz not null default now()
);
create index idx_chat_assignments_chat on chat_assignments (chat_id);
create index idx_chat_assignments_operator on chat_assignments (operator_id);
create index idx_chat_assignments_open on chat_assignments (chat_id) where released_at is null;

create table operator_activity (
  id            uuid primary key default gen_random_uuid(),
  chat_id       uuid not null references chats (id) on delete cascade,
  operator_id   uuid not null references operators (id) on delete cascade,
  last_activity timestamptz not null default now(),
  updated_at    timestamptz not null default now(),
  unique (chat_id, operator_id)
);
create index idx_operator_activity_operator on operator_activity (operator_id);

create table platform_config (
  key   text primary key,
  value jsonb not null
);
insert into platform_config (key, value) values ('max_reassignments', '3'), ('idle_timeout_minutes', '5');

-- Definer: the application's operators write messages as a role that row level security keeps from other chats.
create function update_chat_on_message() returns trigger
  language plpgsql
  security definer
  set search_path from current
  as $function$
  begin
    update chats
       set message_count = coalesce(message_count, 0) + 1,
           last_message_at = new.created_at,
           updated_at = now()
     where id = new.chat_id;
    return null;
  end
  $function$;

create trigger update_chat_on_message after insert on messages
  for each row execute function update_chat_on_message();
