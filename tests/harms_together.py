"""Harms that do not get into each other's way: done all at once in one database, and each told by its own row of its own check."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Told:
    """Statements, the check that tells of them, and the words of its row that only they bring about."""

    text: str
    code: str
    words: str


def _trigger(name: str, moment: str, table: str, body: str) -> str:
    """A trigger of somebody's own before or after each row."""
    return (
        f"create function {name}() returns trigger language plpgsql as $f$ {body} $f$;"
        f"create trigger {name} {moment} on {table} for each row execute function {name}()"
    )


def _body(name: str, body: str, moment: str = "before insert", table: str = "messages") -> Told:
    return Told(_trigger(name, moment, table, body), "DB019", f".{name}'")


LOUD = [
    # What the ledger says.
    Told("update chatops.migrations set checksum = 'x' where name like '019%'", "DB033", "another text of 019"),
    Told("update chatops.migrations set state = 'failed' where name like '020%'", "DB033", "020_fill_queue_clocks stopped"),
    Told("update chatops.migrations set applied_at = 'infinity' where name like '023%'", "DB033", "no time that can be"),
    Told("delete from chatops.migrations where name like '026%'", "DB033", "does not know 026"),
    # Bodies that refuse or drop every row, however they are written.
    _body("drops_declared", "declare v text; begin return null; end"),
    _body("drops_after_work", "begin perform 1; return null; end"),
    _body("puts_old", "begin new := old; return new; end", "before update", "chats"),
    _body("puts_nothing", "begin new := null; return new; end"),
    _body("selects_nothing", "begin select null into new; return new; end"),
    _body("quotes_columns", "begin new.\"chat_state\" := 'completed'; return new; end", "before update", "chats"),
    _body("raises_after_work", "declare v int; begin v := 1; perform v; raise exception 'no'; end"),
    _body("asserts", "begin assert false; return new; end"),
    _body("refuses_users", "begin raise exception 'closed'; end", "before insert", "real_users"),
    _body("freezes_settings", "begin raise exception 'closed'; end", "before insert or update", "platform_config"),
    _body("drops_heartbeats", "begin return null; end", "before insert or update", "operator_activity"),
    Told(
        "create function says_no() returns void language plpgsql as 'begin raise ''no''; end';"
        + _trigger("asks_another", "before insert", "messages", "begin perform says_no(); return new; end"), "DB019", ".asks_another'",
    ),
    Told(
        "create function picks(text) returns int language plpgsql immutable as 'begin raise ''no''; end';"
        "create index picked on messages (picks(content))", "DB019", "'picked'",
    ),
    Told(
        "create function judges(text) returns boolean language plpgsql immutable as 'begin raise ''no''; end';"
        "alter table messages add constraint judged check (judges(content))", "DB019", "messages.judged'",
    ),
    Told("create index as_number on messages ((content::int))", "DB019", "'as_number'"),
    Told("create index lowered on messages (lower(content))", "DB019", "'lowered'"),
    Told("create unique index one_active on real_users (is_active)", "DB019", "real_users.one_active'"),
    _body("divides_by_nothing", "begin perform 1 / 0; return new; end"),
    Told(
        "create procedure stops_it() language plpgsql as 'begin raise ''no''; end';"
        + _trigger("calls_procedure", "before insert", "messages", "begin call stops_it(); return new; end"), "DB019", ".calls_procedure'",
    ),
    Told(
        "create function says_false(text) returns boolean language sql immutable as 'select false';"
        "alter table messages add constraint says_no check (says_false(content))", "DB019", "messages.says_no'",
    ),
    Told("alter table messages add column as_integer int generated always as (content::int) stored", "DB019", "messages.as_integer'"),
    Told("create unique index a_minute on messages (date_trunc('minute', created_at at time zone 'utc'))", "DB019", "messages.a_minute'"),
    Told("alter table chat_assignments add constraint apart exclude using gist (tstzrange(assigned_at, released_at) with &&)", "DB019",
         "chat_assignments.apart'"),
    Told("create rule beside as on update to operator_activity do also notify beats", "DB019", "operator_activity.beside'"),
    # What a turn refers to is looked for elsewhere, where nobody is.
    Told("insert into auth.users (id) values ('00000000-0000-0000-0000-0000000000aa'); "
         "insert into operators (id, name, email) values ('00000000-0000-0000-0000-0000000000aa', 'x', 'x'); "
         "create table roster (id uuid primary key); "
         "alter table chat_assignments add constraint on_roster foreign key (operator_id) references roster (id)", "DB019",
         "chat_assignments.on_roster'"),
    # The guards' clock is later than when the transaction began.
    Told("alter table messages add constraint not_later check (created_at <= now())", "DB031", "'not_later'"),
    Told("alter table chats add constraint no_later_word check (last_message_at <= now())", "DB031", "'no_later_word'"),
    Told("alter table chat_assignments add constraint no_later_turn check (assigned_at <= now())", "DB031", "'no_later_turn'"),
    Told("alter table operator_activity add constraint no_later_beat check (last_activity <= now())", "DB031", "'no_later_beat'"),
    Told("alter table chats add constraint few_moves check (epoch < 2)", "DB031", "'few_moves'"),
    Told("alter table chats add constraint never_waits check (waiting_since is null)", "DB031", "'never_waits'"),
    # Rights of everybody to what the server itself brings.
    Told("revoke execute on function pg_catalog.clock_timestamp() from public", "DB020", "pg_catalog.clock_timestamp()"),
    Told("revoke execute on function pg_catalog.gen_random_uuid() from public", "DB020", "pg_catalog.gen_random_uuid()"),
    Told("create policy closed_by_sum on operators as restrictive using (1 = 0)", "DB024", "closed_by_sum"),
    Told("create policy closed_by_time on real_users as restrictive using (now() < '2000-01-01')", "DB024", "closed_by_time"),
    Told("alter table chat_assignments alter column queued_since set not null", "DB018", "'chat_assignments.queued_since'"),
    Told("alter sequence chatops.queue_returns as smallint", "DB018", "'chatops.queue_returns'"),
    Told("update pg_database set datallowconn = false where datname = current_database()", "DB029", "lets nobody connect"),
    # A run that ended in the middle.
    Told("update chatops.migrations set state = 'running', started_at = now() - interval '1 hour' where name like '027%'", "DB033",
         "027_privileges stopped"),
    # What chatops notes.
    Told("create rule quiet as on insert to chatops.actions do instead nothing", "DB019", "chatops.actions.quiet'"),
    _body("forgets", "begin return null; end", "before insert", "chatops.actions"),
    _body("keeps_switches", "begin raise 'no'; end", "before insert or update", "chatops.settings"),
    Told("create unique index one_action on chatops.actions (chat_id)", "DB019", "actions.one_action'"),
    Told(
        "alter table chatops.actions add constraint of_chat foreign key (chat_id) references public.chats (id) on delete restrict",
        "DB019", "chatops.actions.of_chat'",
    ),
    Told(
        "alter table chatops.actions add column ticket text not null default 'x'; "
        "alter table chatops.actions alter column ticket drop default", "DB019", "chatops.actions.ticket'",
    ),
    Told("create function release_and_reassign_chat(p_chat_id uuid, p_reason text, p_by text default null) returns uuid "
         "language sql as 'select null::uuid'", "DB019", "p_by text DEFAULT"),
    Told("create procedure close_chat() language sql as 'select 1'", "DB019", "'close_chat()'"),
    # Conditions.
    Told("alter table chatops.actions add constraint odd check (action = 'x') not valid", "DB031", "'chatops.actions'"),
    Told("alter table chatops.migrations add constraint never check (false) not valid", "DB031", "'chatops.migrations'"),
    Told("alter table chatops.settings add constraint no_pause check (key <> 'pause')", "DB031", "'chatops.settings'"),
    Told("alter table real_users add constraint nobody check (false)", "DB031", "'real_users'"),
    Told("alter table platform_config add constraint one_key check (key = 'x') not valid", "DB031", "'platform_config'"),
    # Storage.
    Told("alter table messages alter column content set storage plain", "DB029", "column messages.content"),
    Told("alter table messages set (toast.autovacuum_enabled = off)", "DB029", "has long texts"),
    Told("alter table chats set (autovacuum_vacuum_threshold = 2000000000)", "DB029", "autovacuum_vacuum_threshold is 2000000000"),
    Told("alter table chat_assignments set (autovacuum_vacuum_scale_factor = 90)", "DB029", "autovacuum_vacuum_scale_factor is 90"),
    Told("update pg_class set relhastriggers = false where oid = 'operator_activity'::regclass", "DB029", "fires no trigger"),
    Told("update pg_class set relhasindex = false where oid = 'operator_activity'::regclass", "DB029", "renews no index"),
    Told("alter table chatops.runs enable row level security; alter table chatops.runs force row level security", "DB029", "chatops.runs"),
    Told("grant truncate on fictional_users to public", "DB029", "table fictional_users"),
    Told("grant usage, update on sequence chatops.queue_returns to anon", "DB029", "sequence chatops.queue_returns"),
    # Defaults, keys and rights.
    Told("alter table messages alter column id set default '00000000-0000-0000-0000-000000000001'", "DB030", "column messages.id'"),
    Told("alter table chat_assignments alter column released_at set default now()", "DB030", "chat_assignments.released_at"),
    Told("alter table chats alter column assigned_operator_id set default '00000000-0000-0000-0000-000000000001'", "DB030",
         "chats.assigned_operator_id"),
    Told("alter table messages alter column handled_by_operator_id set default '00000000-0000-0000-0000-000000000001'", "DB030",
         "messages.handled_by_operator_id"),
    Told("alter table chats drop constraint chats_real_user_id_fictional_user_id_key, "
         "add constraint chats_real_user_id_fictional_user_id_key unique (real_user_id, fictional_user_id) deferrable", "DB030",
         "key chats (fictional_user_id, real_user_id)"),
    Told("revoke execute on function extensions.uuid_generate_v4() from public, authenticated", "DB030",
         "may execute extensions.uuid_generate_v4()"),
    Told("revoke execute on function others_write from public, anon, authenticated, service_role", "DB030", "may execute others_write("),
    Told("revoke execute on function operator_reply from service_role", "DB030", "service_role may execute operator_reply("),
    Told("revoke select on chat_state_summary from service_role", "DB030", "service_role may select chat_state_summary"),
]  # fmt: skip
"""Above advice."""

QUIET = [
    _body("deletes_softly", "begin update operators set name = name where false; return null; end", "before delete"),
    _body("selects_a_state", "begin select 'completed' into new.chat_state; return new; end", "before insert", "chats"),
    _body("populates", "begin new := jsonb_populate_record(new, '{\"chat_state\": \"completed\"}'); return new; end", "before insert", "chats"),
    _body("gives_ids", "begin new.id := gen_random_uuid(); return new; end"),
    _body("dates_back", "begin new.created_at := '2020-01-01'; return new; end"),
    _body("empties", "begin new.content := ''; return new; end"),
    _body("truncates", "begin truncate operator_activity; return null; end", "after insert"),
    _body("sends_home", "begin update operators set is_available = false; return null; end", "after insert"),
    _body("ends_turns", "begin update chat_assignments set released_at = now() where released_at is null; return null; end", "after insert"),
    _body("stops_hearts", "begin delete from operator_activity; return null; end", "after insert", "chat_assignments"),
    _body("moves_words", "begin update messages set chat_id = new.chat_id where id = new.id; return null; end", "after insert"),
    _body("stops_clocks", "begin new.last_activity := old.last_activity; return new; end", "before update", "operators"),
    _body("sleeps", "begin perform pg_sleep(5); return new; end"),
    _body("turns_into_anon", "begin set local role anon; return new; end"),
    _body("plays_replica", "begin set local session_replication_role = replica; return new; end"),
    _body("plays_function", "begin perform set_config('chatops.write', 'function', true); return new; end"),
    Told("create function no_more() returns event_trigger language plpgsql as $f$ begin raise exception 'frozen'; end $f$;"
         "create event trigger no_more on ddl_command_end when tag in ('CREATE CAST') execute function no_more()", "DB019", "refuses every CREATE CAST"),
    Told("alter table chat_assignments add constraint second foreign key (operator_id) references operators (id)", "DB019",
         "chat_assignments.second'"),
    Told("alter table chats alter column assignment_time set default now()", "DB030", "chats.assignment_time"),
    Told("alter table messages alter constraint messages_chat_id_fkey deferrable initially deferred", "DB030", "foreign key messages (chat_id)"),
    Told("alter table chats add column topic text not null", "DB004", "chats.topic"),
    Told("alter table operators add column shift text not null", "DB004", "operators.shift"),
    Told("alter table chatops.actions set (autovacuum_enabled = off)", "DB029", "chatops.actions"),
    Told("create index ratio on chats ((100 / message_count))", "DB019", "'ratio'"),
    Told("create function keeps_all() returns event_trigger language plpgsql as $f$ begin raise exception 'kept'; end $f$;"
         "create event trigger keeps_all on sql_drop execute function keeps_all(); alter event trigger keeps_all disable; "
         "alter event trigger keeps_all enable replica", "DB019", "'keeps_all'"),
    Told("do $h$ begin execute format('alter database %I set session_preload_libraries = nosuch', current_database()); end $h$", "DB029",
         "session_preload_libraries"),
    Told("delete from chatops.settings where key = 'functions'", "DB033", "functions of adopted files are"),
]  # fmt: skip
"""Advice: it may be meant."""

SILENT = (
    "alter table messages alter column content set compression pglz, alter column content set storage external",
    "alter index idx_chats_queue set (fillfactor = 70)",
    "create index words on messages using gin (to_tsvector('simple', content)); create index begins on messages (left(content, 40), chat_id)",
    "create index hashed on messages using hash (content)",
    _trigger("instead", "instead of insert", "chat_queue", "begin return null; end"),
    "alter view chat_state_summary set (security_barrier = true)",
    "alter table chatops.settings enable row level security",
    "alter table messages set (autovacuum_vacuum_scale_factor = 0.4, vacuum_index_cleanup = off)",
    "create publication other for table operators with (publish = 'insert')",
    "grant select on chats to authenticated with grant option",
    "alter default privileges for role platform_owner in schema public revoke all on tables from authenticated",
    "delete from chatops.actions; alter sequence chatops.actions_id_seq restart with 5",
    "insert into chatops.settings (target_schema, key, value) values ('public', 'guards', '\"OFF\"'), ('public', 'pause', '\"on\"')",
    _trigger("tells", "after insert", "messages", "begin perform pg_notify('x', 'y'); return null; end"),
    _trigger("fills", "before insert", "chats", "begin new.id := coalesce(new.id, gen_random_uuid()); new.created_at := now(); return new; end"),
)  # fmt: skip
"""Nobody is harmed."""
