-- What chatops remembers in a database: the migration ledger, its runs, the audit of actions, switches. Safe to run again.
-- What is written here is trusted: the schema is this role's, the owner's of the chats, or a superuser's.
do $owner$
declare
  v_owner name;
begin
  -- On a Citus cluster schemas may become tenants as they are made: this one belongs to all of them.
  if pg_catalog.current_setting('citus.enable_schema_based_sharding'::text, true) = 'on' then
    perform pg_catalog.set_config('citus.enable_schema_based_sharding'::text, 'off'::text, true);
  end if;
  select r.rolname into v_owner
    from pg_catalog.pg_namespace as n
    join pg_catalog.pg_roles as r on r.oid = n.nspowner
   where n.nspname = 'chatops'
     and not r.rolsuper
     and r.rolname <> current_user
     and not exists (
       select from pg_catalog.pg_class as c
         join pg_catalog.pg_namespace as own on own.oid = c.relnamespace and own.nspname = current_schema()
        where c.relname = 'chats' and c.relowner = r.oid);
  if found then
    raise exception 'schema chatops belongs to %, who is neither this role nor the owner of the chats', v_owner
      using errcode = 'insufficient_privilege', hint = 'Look at what is in it, then drop it or give it to the owner of the chats.';
  end if;
end
$owner$;

create schema if not exists chatops;

create table if not exists chatops.runs (
  id              uuid primary key default gen_random_uuid(),
  command         text not null,
  started_at      timestamptz not null default clock_timestamp(),
  database_role   text not null default session_user,
  os_user         text default nullif(pg_catalog.current_setting('chatops.os_user', true), ''),
  client_address  inet default inet_client_addr(),
  ci_run          text default nullif(pg_catalog.current_setting('chatops.ci_run', true), ''),
  environment     text default nullif(pg_catalog.current_setting('chatops.environment', true), ''),
  chatops_version text
);

-- One row per file of a source and target schema: what went in, when, as which text.
create table if not exists chatops.migrations (
  target_schema   text not null,
  source          text not null,
  name            text not null,
  number          bigint,                       -- null for a file of sql/views
  kind            text not null default 'versioned' check (kind in ('versioned', 'repeatable')),
  state           text not null default 'applied' check (state in ('applied', 'running', 'failed', 'adopted')),
  checksum        text not null,                -- sha256 of the text, line endings and byte order mark normalised
  statements      jsonb,                        -- 16 digits of the sha256 of each statement: tells which were edited
  -- A file has few statements.
  -- squawk-ignore prefer-bigint-over-int
  steps_done      integer not null default 0,   -- finished statements of a file that runs outside one transaction
  rows_changed    bigint,
  replaced        jsonb,                        -- definitions that this file replaced, by object
  started_at      timestamptz not null default clock_timestamp(),
  applied_at      timestamptz,
  duration_ms     double precision,
  waited_ms       double precision,
  applied_by      text not null default session_user,
  os_user         text default nullif(pg_catalog.current_setting('chatops.os_user', true), ''),
  run_id          uuid default nullif(pg_catalog.current_setting('chatops.run_id', true), '')::uuid,
  chatops_version text,
  git_revision    text,
  primary key (target_schema, source, name)
);

-- Append-only: what was changed by hand or repaired, by whom, why, from what to what.
create table if not exists chatops.actions (
  id              bigint generated always as identity primary key,
  at              timestamptz not null default clock_timestamp(),
  target_schema   text not null default coalesce(nullif(pg_catalog.current_setting('chatops.target_schema', true), ''), current_schema()),
  plan_id         uuid default nullif(pg_catalog.current_setting('chatops.plan_id', true), '')::uuid,
  command         text not null default coalesce(nullif(pg_catalog.current_setting('chatops.command', true), ''), pg_catalog.current_setting('application_name')),
  action          text not null,                -- reassign, release, repair, guard off, ...
  code            text,                         -- the finding that a repair answers
  chat_id         uuid,
  operator_id     uuid,
  row_id          text,                         -- key of the changed row where it is neither chat nor operator
  before          jsonb,
  after           jsonb,
  outcome         text not null default 'done' check (outcome in ('done', 'refused', 'moved', 'failed')),
  detail          text,                         -- why it was refused, what had moved
  reason          text default nullif(pg_catalog.current_setting('chatops.reason', true), ''),
  undoes          bigint references chatops.actions (id),
  environment     text default nullif(pg_catalog.current_setting('chatops.environment', true), ''),
  database_role   text not null default session_user,
  os_user         text default nullif(pg_catalog.current_setting('chatops.os_user', true), ''),
  client_address  inet default inet_client_addr(),
  ci_run          text default nullif(pg_catalog.current_setting('chatops.ci_run', true), ''),
  transaction_id  xid8 not null default pg_current_xact_id()
);
create index if not exists actions_chat_id on chatops.actions (chat_id, id);
create index if not exists actions_plan_id on chatops.actions (plan_id, id) where plan_id is not null;

-- Switches that running functions read, one row per key; the emergency switch of the guards lives here.
create table if not exists chatops.settings (
  target_schema   text not null,
  key             text not null,
  value           jsonb not null,
  until           timestamptz,
  reason          text,
  set_by          text not null default session_user,
  set_at          timestamptz not null default clock_timestamp(),
  primary key (target_schema, key)
);

-- What `monitor --store` remembers: one watch per target schema, as its state file would hold it.
create table if not exists chatops.watches (
  target_schema   text primary key,
  state           jsonb not null,
  written_by      text not null default session_user,
  written_at      timestamptz not null default clock_timestamp()
);

revoke all on schema chatops from public;
