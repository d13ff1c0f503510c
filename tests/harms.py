"""What people, tools and restores do to a database at night, each with the checks that tell of it: the table of tests/test_harms.py."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Harm:
    """Statements, the checks that find what they do above advice, and those that give advice."""

    text: str
    told_by: tuple[str, ...] = ()
    advice: tuple[str, ...] = ()
    helps: bool = True
    """Whether the statements of the helps end it; else a command does, or it is told in words, for it is somebody's to decide."""


def _function(name: str, rest: str) -> str:
    return f"do $h$ begin execute format('alter function %s {rest}', '{name}'::regproc::regprocedure); end $h$"


def _replaced(name: str, what: str) -> str:
    """A trigger of somebody's own on a table, before each row, with this body."""
    return f"""create function at_night() returns trigger language plpgsql as $f$ {what} $f$;
        create trigger at_night {name} execute function at_night()"""


BEFORE_MESSAGE = "before insert on messages for each row"
BEFORE_CHAT = "before update on chats for each row"
IN_WORDS = {"helps": False}

FUNCTIONS = {
    "parallel safe": Harm(_function("assign_chat_to_operator", "parallel safe"), ("DB018",), **IN_WORDS),
    "parallel restricted": Harm(_function("user_message", "parallel restricted"), ("DB018",), **IN_WORDS),
    "leakproof": Harm(_function("explain_empty_queue", "leakproof"), ("DB018",), **IN_WORDS),
    "said to be dear": Harm(_function("assign_chat_to_operator", "cost 1000000"), (), ("DB018",), **IN_WORDS),
    "said to give many rows": Harm(_function("explain_empty_queue", "rows 5"), (), ("DB018",), **IN_WORDS),
    "said to be stable": Harm(_function("assign_chat_to_operator", "stable"), ("DB018",), **IN_WORDS),
    "strict": Harm(_function("release_and_reassign_chat", "strict"), ("DB018",), **IN_WORDS),
    "with more memory": Harm(_function("release_idle_chats", "set work_mem = ''1GB''"), ("DB018",), **IN_WORDS),
    "as another role": Harm(_function("close_chat", "set role = ''service_role''"), ("DB018",), **IN_WORDS),
    "with triggers off": Harm(_function("operator_reply", "set session_replication_role = ''replica''"), ("DB018",), **IN_WORDS),
    "with a timeout": Harm(_function("assign_chat_to_operator", "set statement_timeout = ''1ms''"), ("DB018",), **IN_WORDS),
    "with its caller's rights": Harm(_function("assign_chat_to_operator", "security invoker"), ("DB018",), **IN_WORDS),
    "open to anon": Harm("grant execute on function release_and_reassign_chat(uuid, text) to anon", ("DB001",)),
    "open to everybody": Harm("grant execute on all functions in schema public to public", ("DB001",), ("DB023",)),
    "given to a person": Harm(
        _function("assign_chat_to_operator", "owner to authenticated"), ("DB022", "DB020")
    ),
    "a guard given to a person": Harm(_function("guard_chat", "owner to anon"), ("DB022", "DB020")),
    "not for the server any more": Harm(
        "revoke execute on function release_and_reassign_chat(uuid, text) from service_role", ("DB009",)
    ),
    "not for operators any more": Harm("revoke execute on function assign_chat_to_operator(uuid) from authenticated", ("DB009",)),
    "one of other parameters": Harm(
        "create function assign_chat_to_operator(p_operator_id text) returns uuid language sql as 'select null::uuid'",
        ("DB019",), **IN_WORDS,
    ),
    "one before ours on the path": Harm(
        "create schema platform_owner; create function platform_owner.assign_chat_to_operator(p_operator_id uuid) returns uuid "
        "language sql as 'select null::uuid'", ("DB019",), **IN_WORDS),
    "a table before ours on the path": Harm(
        "create schema hotfix; create table hotfix.messages (like public.messages); "
        "alter role authenticator set search_path = hotfix, public", ("DB019",), **IN_WORDS),
    "a view before ours on the path": Harm(
        "create schema hotfix; create view hotfix.chat_state_summary as select 1 as n; "
        "do $h$ begin execute format('alter database %I set search_path = hotfix, public', current_database()); end $h$",
        ("DB019",), **IN_WORDS),
}  # fmt: skip

POLICIES = {
    "restrictive and false": Harm("create policy closed on messages as restrictive using (false)", ("DB024",), ("DB030",)),
    "restrictive and false for one role": Harm(
        "create policy closed on chats as restrictive for select to authenticated using (false)", ("DB024",), ("DB030",)
    ),
    "restrictive": Harm("create policy closed on messages as restrictive using (sender_type = 'real')", (), ("DB030",)),
    "restrictive for anon alone": Harm("create policy closed on chats as restrictive to anon using (false)", (), ("DB030",)),
    "forced": Harm("alter table messages force row level security", ("DB020", "DB030")),
    "forced where policies look": Harm("alter table admins force row level security", ("DB030",)),
    "switched off": Harm("alter table operators disable row level security", ("DB024", "DB029", "DB030")),
    "of no policy any more": Harm("drop policy activity_all on operator_activity", ("DB024", "DB030")),
    "open to everybody": Harm("alter policy chats_read on chats using (true)", ("DB030",)),
    "open for writing": Harm("alter policy chats_write on chats using (true)", ("DB030",), ("DB002",)),
    "closed to everybody": Harm("alter policy messages_read on messages using (false)", ("DB024", "DB030")),
    "otherwise": Harm("alter policy messages_read on messages using (is_admin())", (), ("DB030",)),
    "for one role alone": Harm("alter policy messages_read on messages to service_role", ("DB024", "DB030")),
    "for another command": Harm(
        "drop policy chats_write on chats; create policy chats_write on chats for delete using (is_admin())", ("DB030",)
    ),
    "restrictive where it let in": Harm(
        "drop policy messages_read on messages; create policy messages_read on messages as restrictive for select using (is_admin())",
        ("DB024", "DB030"),
    ),
    "of another name": Harm("alter policy chats_read on chats rename to chats_seen"),
    "asked of a function that says yes": Harm(
        "create or replace function is_admin() returns boolean language sql stable security definer as 'select true'", ("DB030",), (),
        **IN_WORDS),
    "asked of a function that sees less": Harm("alter function is_operator() security invoker", ("DB030",), (), **IN_WORDS),
    "asked of a function of other words": Harm(
        "create or replace function is_admin() returns boolean language sql stable security definer as "
        "'select exists (select from public.admins where id = auth.uid() and name <> ''x'')'", (), ("DB030",)),
    "asked of a function that may not be asked": Harm("revoke execute on function is_operator() from public, authenticated", ("DB030",)),
    "on a table that was open": Harm("alter table platform_config disable row level security", ("DB024", "DB029", "DB030")),
}  # fmt: skip

PUBLISHED = {
    "no deletes": Harm("alter publication supabase_realtime set (publish = 'insert, update')", ("DB030",)),
    "inserts alone": Harm("alter publication supabase_realtime set (publish = 'insert')", ("DB030",)),
    "some rows": Harm(
        "alter publication supabase_realtime set table chats where (is_active), messages, operators; "
        "alter table chats replica identity full", ("DB030",)),
    "some columns": Harm("alter publication supabase_realtime set table chats (id, chat_state), messages, operators", ("DB030",)),
    "without messages": Harm("alter publication supabase_realtime drop table messages", ("DB030",)),
    "dropped": Harm("drop publication supabase_realtime", ("DB030",)),
    "no identity": Harm("alter table chats replica identity nothing", ("DB029",), ("DB030",)),
    "no identity, and not published": Harm("alter table chat_assignments replica identity nothing", (), ("DB030",)),
    "no key": Harm("alter table messages drop constraint messages_pkey", ("DB029", "DB030")),
}  # fmt: skip

RIGHTS = {
    "read": Harm("revoke select on messages from authenticated", ("DB030",)),
    "write": Harm("revoke insert, update on chats from service_role", ("DB030",)),
    "some columns": Harm("revoke select on chats from authenticated; grant select (id, chat_state) on chats to authenticated", ("DB030",)),
    "anon": Harm("revoke all on chats from anon", (), ("DB030",)),
    "the schema": Harm("revoke usage on schema public from authenticated", ("DB030",)),
    "schema chatops, of the functions' owner": Harm(
        "grant usage on schema chatops to postgres; alter schema chatops owner to postgres; "
        "revoke all on schema chatops from platform_owner", ("DB020",)),
    "chatops may be read": Harm("grant select on chatops.actions to anon", ("DB029",)),
    "chatops may be written": Harm("grant all on all tables in schema chatops to authenticated", ("DB029",)),
    "chatops in future": Harm(
        "alter default privileges for role platform_owner in schema chatops grant all on tables to anon", ("DB029",)),
    "create for everybody": Harm("grant create on schema public to authenticated", ("DB022",)),
    "a reader of everything": Harm("grant pg_read_all_data to authenticated", ("DB022",)),
    "a member of the server's role": Harm("grant service_role to anon", ("DB022",)),
    "past every policy": Harm("alter role authenticated bypassrls", ("DB022",)),
    "a table of theirs": Harm("grant create on schema public to anon; alter table messages owner to anon", ("DB022",)),
    "a view of theirs": Harm("alter view chat_state_summary owner to authenticated", ("DB022",)),
    "everything in chatops of theirs": Harm("alter table chatops.settings owner to authenticated", ("DB022",)),
}  # fmt: skip

TRIGGERS = {
    "raises": Harm(_replaced(BEFORE_MESSAGE, "begin raise exception 'frozen'; end"), ("DB019",), **IN_WORDS),
    "raises at once": Harm(
        _replaced("before update on chats for each statement", "begin raise 'frozen' using errcode = 'P0001'; end"),
        ("DB019",), **IN_WORDS),
    "calls what is gone": Harm(
        _replaced("after insert on messages for each row", "begin perform told_by_mail(new.id); return null; end"), ("DB019",), **IN_WORDS),
    "writes into what is gone": Harm(
        _replaced("after insert or update on chats for each row", 'begin insert into "Old Log" (what) values (tg_op); return null; end'),
        ("DB019",), **IN_WORDS),
    "writes into what is gone at times": Harm(
        _replaced(BEFORE_MESSAGE, "begin if new.content ~ 'casino' then update old_log set seen = true; end if; return new; end"),
        ("DB019",), **IN_WORDS),
    "writes into what is gone, and takes it": Harm(
        _replaced(BEFORE_MESSAGE, "begin delete from old_log; return new; exception when undefined_table then return new; end"),
        (), ("DB019",)),
    "raises sometimes": Harm(
        _replaced(BEFORE_MESSAGE, "begin if new.content ~ 'casino' then raise exception 'no'; end if; return new; end")),
    "raises on deletes": Harm(_replaced("before delete on messages for each row", "begin raise exception 'kept'; end")),
    "swallows": Harm(_replaced(BEFORE_MESSAGE, "begin return null; end"), ("DB019",), **IN_WORDS),
    "swallows some": Harm(
        _replaced(BEFORE_MESSAGE, "begin if new.content ~ 'casino' then return null; end if; return new; end"), ("DB019",), **IN_WORDS),
    "takes updates back": Harm(_replaced(BEFORE_CHAT, "begin return old; end"), ("DB019",), **IN_WORDS),
    "sets the state": Harm(_replaced(BEFORE_CHAT, "begin new.chat_state := 'waiting_assignment'; return new; end"),
                           ("DB019",), **IN_WORDS),
    "frees the operator": Harm(_replaced(BEFORE_CHAT, "begin new.assigned_operator_id = null; return new; end"),
                               ("DB019",), **IN_WORDS),
    "turns who sent it": Harm(_replaced(BEFORE_MESSAGE, "begin new.sender_type := 'real'; return new; end"), ("DB019",), **IN_WORDS),
    "sets the state sometimes": Harm(
        _replaced(BEFORE_CHAT, "begin if new.is_active is null then new.is_active := false; end if; return new; end"), (), ("DB019",)),
    "fills what is empty": Harm(
        _replaced(BEFORE_MESSAGE, "begin new.is_free_message := coalesce(new.is_free_message, false); return new; end")),
    "deletes afterwards": Harm(
        _replaced("after insert on messages for each row", "begin delete from messages where id = new.id; return null; end"),
        ("DB019",), **IN_WORDS),
    "opens chats again": Harm(
        _replaced("after insert on messages for each row",
                  "begin update public.chats set chat_state = 'waiting_assignment' where id = new.chat_id; return null; end"),
        (), ("DB019",)),
    "gone": Harm("drop trigger messages_update_chat_stats on messages", ("DB030",)),
    "gone, and keeps no figures": Harm("drop trigger chats_touch_updated_at on chats", (), ("DB030",)),
    "with its caller's eyes": Harm("alter function update_chat_stats() security invoker", ("DB030",), (), **IN_WORDS),
    "off": Harm("alter table messages disable trigger messages_update_chat_stats", ("DB017",)),
    "all off": Harm("alter table messages disable trigger all", ("DB017", "DB029")),
    "of another body": Harm(
        "create or replace function update_chat_stats() returns trigger language plpgsql security definer as 'begin return new; end'",
        (), ("DB030",)),
    "an event trigger that refuses": Harm(
        "create function frozen() returns event_trigger language plpgsql as $f$ begin raise exception 'frozen'; end $f$;"
        "create event trigger frozen on ddl_command_end execute function frozen(); alter event trigger frozen disable; "
        "alter event trigger frozen enable always", (), ("DB019",)),
    "a rule": Harm("create rule quiet as on insert to messages do instead nothing", ("DB019",), **IN_WORDS),
    "a rule beside": Harm("create rule also as on update to chats do also notify chats", ("DB019",), **IN_WORDS),
    "a child of messages": Harm("create table messages_archive () inherits (messages)", ("DB019",), **IN_WORDS),
    "a child of chats": Harm("create table chats_of_old (like chats including all); alter table chats_of_old inherit chats", ("DB019",), **IN_WORDS),
}  # fmt: skip

KEYS = {
    "one message a chat": Harm("create unique index once on messages (chat_id)", ("DB019",), **IN_WORDS),
    "one message a chat and side": Harm("alter table messages add constraint once unique (chat_id, sender_type)", ("DB019",), **IN_WORDS),
    "the same words once": Harm("create unique index once on messages (chat_id, lower(content))", ("DB019",), **IN_WORDS),
    "one question a chat": Harm("create unique index once on messages (chat_id) where sender_type = 'real'", ("DB019",), **IN_WORDS),
    "one chat a profile": Harm("create unique index once on chats (fictional_user_id)", ("DB019",), **IN_WORDS),
    "one chat a user": Harm("create unique index once on chats (real_user_id)", ("DB019",), **IN_WORDS),
    "one turn a chat": Harm("alter table chat_assignments add constraint once unique (chat_id)", ("DB019",), **IN_WORDS),
    "one turn an operator": Harm("create unique index once on chat_assignments (operator_id, release_reason)", ("DB019",), **IN_WORDS),
    "one free chat": Harm("create unique index once on chats (assigned_operator_id) nulls not distinct", ("DB019",), **IN_WORDS),
    "one operator there": Harm("create unique index once on operators (is_available)", ("DB019",), **IN_WORDS),
    "an index over the words": Harm("create index words on messages (content)", ("DB019",), **IN_WORDS),
    "an index that brings the words": Harm("create index words on messages (chat_id) include (content)", ("DB019",), **IN_WORDS),
    "an index over some of the words": Harm("create index words on messages (left(content, 40))"),
    "one heartbeat an operator": Harm("create unique index once on operator_activity (operator_id)", (), ("DB019",)),
    "none twice at a time": Harm(
        "alter table messages add constraint once exclude using btree (chat_id with =)", ("DB019",), **IN_WORDS),
    "people elsewhere": Harm(
        "alter table chats add constraint who foreign key (assigned_operator_id) references real_users (id)", ("DB019",), **IN_WORDS),
    "no heartbeat pair": Harm(
        "alter table operator_activity drop constraint operator_activity_chat_id_operator_id_key", ("DB004", "DB030")),
    "no pair of people": Harm("alter table chats drop constraint chats_real_user_id_fictional_user_id_key", ("DB003",)),
    "an index in place of the key": Harm(
        "alter table chats drop constraint chats_real_user_id_fictional_user_id_key; "
        "create unique index pair on chats (fictional_user_id, real_user_id)"),
    "no chat of a message": Harm("alter table messages drop constraint messages_chat_id_fkey", ("DB030",)),
    "another end": Harm(
        "alter table chats drop constraint chats_assigned_operator_id_fkey, add constraint chats_assigned_operator_id_fkey "
        "foreign key (assigned_operator_id) references operators (id) on delete cascade", ("DB030",)),
    "a key of another name": Harm(
        "alter table messages rename constraint messages_chat_id_fkey to its_chat"),
    "not validated": Harm(
        "alter table messages drop constraint messages_chat_id_fkey, add constraint messages_chat_id_fkey foreign key (chat_id) "
        "references chats (id) on delete cascade not valid", ("DB005",)),
    "no account": Harm("alter table operators drop constraint operators_id_fkey", ("DB030",)),
    "no check of who sent": Harm("alter table messages drop constraint messages_sender_type_check", (), ("DB030",)),
    "a wider check": Harm(
        "alter table messages drop constraint messages_content_check, add constraint messages_content_check "
        "check (length(content) < 90000)", (), ("DB030",)),
}  # fmt: skip

CHECKS = {
    "short words": Harm("alter table messages add constraint odd check (length(content) < 5)", ("DB031",)),
    "never": Harm("alter table chats add constraint odd check (false)", ("DB031",)),
    "one side": Harm("alter table messages add constraint odd check (sender_type = 'real')", ("DB031",)),
    "no turns": Harm("alter table chats add constraint odd check (chat_state <> 'assigned')", ("DB031",)),
    "some states": Harm(
        "alter table chats add constraint odd check (chat_state in ('waiting_assignment', 'assigned', 'waiting_real_user_reply'))",
        ("DB031",)),
    "always active": Harm("alter table chats add constraint odd check (is_active)", ("DB031",)),
    "few messages": Harm("alter table chats add constraint odd check (message_count < 10)", ("DB031",)),
    "always an operator": Harm("alter table messages add constraint odd check (handled_by_operator_id is not null)", ("DB031",)),
    "not new": Harm("alter table messages add constraint odd check (created_at < '2020-01-01') not valid", ("DB031", "DB005")),
    "a turn that never ends": Harm("alter table chat_assignments add constraint odd check (released_at is null)", ("DB031",)),
    "some reasons": Harm("alter table chat_assignments add constraint odd check (release_reason in ('manual_unassign'))", ("DB031",)),
    "operators who are there": Harm("alter table operators add constraint odd check (is_active and is_available)", ("DB031",)),
    "what is well meant": Harm(
        "alter table messages add constraint fine check (btrim(content) <> ''), add constraint also check (length(content) <= 5000), "
        "add constraint sides check ((sender_type = 'fictional') = (handled_by_operator_id is not null)); "
        "alter table chats add constraint counts check (message_count between 0 and 1000000000), "
        "add constraint times check (last_message_at >= created_at); alter table chat_assignments "
        "add constraint order_of_times check (released_at is null or released_at >= assigned_at)"),
    "of a domain": Harm(
        "create domain short as text check (length(value) < 5); drop view guarded_columns; alter table messages alter column content type short",
        ("DB003", "DB031"), ("DB030",), **IN_WORDS),
    "of columns of its own": Harm("alter table messages add constraint media check (media_url is null or media_url like 'https://%')"),
    "by a function of its own": Harm(
        "create function is_fine(text) returns boolean language sql immutable as 'select false'; "
        "alter table messages add constraint own check (is_fine(content))", ("DB019",), **IN_WORDS),
    "by a function that looks": Harm(
        "create function is_short(text) returns boolean language sql immutable as 'select length($1) < 9000'; "
        "alter table messages add constraint own check (is_short(content))"),
}  # fmt: skip

COLUMNS = {
    "no id of a turn": Harm("alter table chat_assignments alter column id drop default", ("DB004", "DB030")),
    "no id of a message": Harm("alter table messages alter column id drop default", ("DB030",)),
    "no id by an extension": Harm(
        "do $h$ begin drop extension \"uuid-ossp\" cascade; exception when undefined_object then "
        "drop function extensions.uuid_generate_v4() cascade; end $h$", ("DB004", "DB030"), (), **IN_WORDS),
    "no time of a chat": Harm("alter table chats alter column created_at drop default", ("DB030",)),
    "another default": Harm("alter table operators alter column is_available set default true", (), ("DB030",)),
    "ended from the beginning": Harm("alter table chats alter column is_active set default false", ("DB004",), ("DB030",)),
    "taken from the beginning": Harm("alter table chats alter column chat_state set default 'assigned'", ("DB004",), ("DB030",)),
    "no state to begin with": Harm("alter table chats alter column chat_state drop default", (), ("DB030",)),
    "ids of turns as text": Harm(
        "drop view guarded_columns; alter table chat_assignments alter column id drop default, alter column id type text using id::text",
        ("DB003", "DB004", "DB030"), (), **IN_WORDS),
    "short states": Harm(
        "drop view guarded_columns; alter table chat_assignments alter column release_reason type varchar(10)",
        ("DB003", "DB004", "DB030"), (), **IN_WORDS),
    "wider numbers": Harm("alter table chats alter column free_messages_used type bigint", (), ("DB030",), **IN_WORDS),
    "no zone": Harm("drop view guarded_columns; alter table operator_activity alter column updated_at type timestamp",
                    ("DB003", "DB004"), ("DB030",), **IN_WORDS),
    "milliseconds": Harm("drop view guarded_columns; alter table operator_activity alter column updated_at type timestamptz(3)",
                         ("DB003",), ("DB004", "DB030"), **IN_WORDS),
    "always an operator": Harm("alter table chats alter column assigned_operator_id set not null", ("DB004", "DB030")),
    "always released": Harm("alter table chat_assignments alter column released_at set not null", ("DB004", "DB030")),
    "always handled": Harm("alter table messages alter column handled_by_operator_id set not null", ("DB004", "DB030")),
    "always delivered": Harm("alter table messages alter column delivered_at set not null", ("DB004", "DB030")),
    "always a picture": Harm("alter table messages alter column media_url set not null", ("DB030",), ("DB004",)),
    "maybe without words": Harm("alter table messages alter column content drop not null", (), ("DB030",)),
    "a shift for every turn": Harm("alter table chat_assignments add column shift_id uuid not null", ("DB004",)),
    "a language for every message": Harm("alter table messages add column language text not null", (), ("DB004",)),
    "a count by the server": Harm(
        "alter table operators drop column total_messages cascade; "
        "alter table operators add column total_messages integer generated always as (1) stored", ("DB003", "DB004", "DB030"), (), **IN_WORDS),
    "a number by the server": Harm(
        "alter table operators alter column total_messages drop default; alter table operators alter column total_messages set not null; "
        "alter table operators alter column total_messages add generated always as identity", ("DB004", "DB030")),
    "a column of the application gone": Harm("alter table chats drop column admin_notes"),
    "a column of the application more": Harm("alter table chats add column mood text not null default 'calm'"),
    "a column named like a variable": Harm("alter table chats add column p_operator_id uuid", ("DB019",)),
    "columns named like variables of elsewhere": Harm("alter table chats add column p_mood text; alter table messages add column v_now text"),
}  # fmt: skip

COLLATION = (
    "do $h$ begin create collation by_name (provider = icu, locale = 'de'); exception when feature_not_supported then "
    "execute 'create collation by_name (provider = builtin, locale = ''C.UTF-8'')'; end $h$; "
)
"""Of a library that tells versions; the embedded server is built without the one of 15."""
STORAGE = {
    "unlogged": Harm("alter table operator_activity set unlogged", ("DB029",)),
    "no vacuum": Harm("alter table messages set (autovacuum_enabled = off)", ("DB029",)),
    "no vacuum of chats": Harm("alter table chats set (autovacuum_enabled = false, fillfactor = 70)", ("DB029",)),
    "no statistics": Harm("alter table chats alter column chat_state set statistics 0", (), ("DB029",)),
    "many statistics, little fill": Harm(
        "alter table chats alter column chat_state set statistics 1000; alter table messages set (fillfactor = 50)"),
    "an index invalid": Harm("update pg_index set indisvalid = false where indexrelid = 'idx_messages_chat_created'::regclass", ("DB013",)),
    "an index gone": Harm("drop index idx_messages_chat_created", (), ("DB013",)),
    "an index not ready": Harm("update pg_index set indisready = false where indexrelid = 'chats_one_per_operator'::regclass", ("DB013",)),
    "a sequence round": Harm("alter sequence refusals_late_reply cycle", ("DB018",)),
    "a sequence short": Harm("alter sequence refusals_late_reply maxvalue 100", ("DB018",)),
    "a sequence nearly full": Harm("select setval('refusals_late_reply', 9223372036854775800)", ("DB032",), (), **IN_WORDS),
    "a sequence that keeps": Harm("alter sequence chatops.queue_returns cache 100", (), ("DB018",)),
    "a sequence backwards": Harm("alter sequence chatops.queue_returns increment by -1", ("DB018",)),
    "reading alone": Harm(
        "do $h$ begin execute format('alter database %I set default_transaction_read_only = on', current_database()); end $h$", ("DB029",)),
    "reading alone for the server": Harm("alter role service_role set default_transaction_read_only = on", ("DB029",)),
    "reading alone for somebody": Harm(
        "do $h$ begin create role looks_on; exception when duplicate_object then null; end $h$; "
        "alter role looks_on set default_transaction_read_only = on"),
    "no time": Harm("alter role service_role set statement_timeout = '100ms'", ("DB029",)),
    "little time": Harm("alter role service_role set statement_timeout = '3s'"),
    "shut out": Harm("alter role authenticator nologin", ("DB029",)),
    "shut out by a limit": Harm("alter role authenticator connection limit 0", ("DB029",)),
    "no wait for the disk": Harm(
        "do $h$ begin execute format('alter database %I set synchronous_commit = off', current_database()); end $h$", (), ("DB029",)),
    "guards off for a role": Harm("alter role service_role set session_replication_role = replica", ("DB029",)),
    "sorted otherwise by now": Harm(
        COLLATION + "create index on real_users (name collate by_name); "
        "update pg_collation set collversion = '0' where oid = 'by_name'::regcollation", ("DB029",)),
    "sorted otherwise, by no index": Harm(COLLATION + "update pg_collation set collversion = '0' where oid = 'by_name'::regcollation"),
}  # fmt: skip

VIEWS = {
    "with its owner's eyes": Harm("alter view chat_state_summary set (security_invoker = false)", ("DB018",)),
    "as its owner, who sees what each reader may": Harm("alter view chat_queue reset (security_invoker)", (), ("DB018",)),
    "as its owner, where policies are": Harm(
        "alter table chats enable row level security; alter view stuck_chats reset (security_invoker)", ("DB018",)
    ),
    "as its owner, for who may not read the tables": Harm(
        "grant select on stuck_chats to authenticator; alter view stuck_chats set (security_invoker = off)", ("DB018",)
    ),
    "of other rows": Harm(
        "do $h$ begin execute 'create or replace view chat_queue as ' || rtrim(trim(pg_get_viewdef('chat_queue'::regclass)), ';') "
        "|| ' limit 0'; end $h$",
        ("DB018",),
        (),
        **IN_WORDS,
    ),
    "gone": Harm("drop view operator_load cascade", ("DB003",), (), **IN_WORDS),
    "of what was once": Harm(
        "do $h$ declare v text; begin v := pg_get_viewdef('chat_state_summary'::regclass); drop view chat_state_summary; "
        "execute 'create materialized view chat_state_summary as ' || v; end $h$",
        ("DB003", "DB030"),
    ),
    "a table by now": Harm(
        "do $h$ declare v text; begin v := pg_get_viewdef('chat_state_summary'::regclass); drop view chat_state_summary; "
        "execute 'create table chat_state_summary as ' || v; end $h$",
        ("DB003", "DB030"),
    ),
}

COMERS = {
    "the server's role under policies": Harm("alter role service_role nobypassrls", ("DB030",)),
    "no member of authenticated": Harm("revoke authenticated from authenticator", ("DB030",)),
    "no member of the server's role": Harm("revoke service_role from authenticator", ("DB030",)),
    "may not connect": Harm(
        "do $h$ begin execute format('revoke connect on database %I from public', current_database()); end $h$", ("DB029",)),
    "may create roles": Harm("alter role authenticated createrole", ("DB022",)),
    "no rows in place of an error": Harm("alter role authenticated set row_security = off", ("DB029",)),
    "somebody else": Harm("alter role authenticator set role = 'anon'", ("DB029",)),
    "no patience": Harm("alter role service_role set lock_timeout = '1ms'", ("DB029",)),
    "some patience": Harm("alter role service_role set lock_timeout = '5s'"),
    "no pause": Harm("alter role authenticator set idle_in_transaction_session_timeout = '0.02s'", ("DB029",)),
    "no session": Harm("alter role authenticator set idle_session_timeout = '50ms'", ("DB029",)),
    "no time, in other words": Harm("alter role authenticated set statement_timeout = '0.002min'", ("DB029",)),
    "time, in other words": Harm("alter role authenticated set statement_timeout = '1min'"),
    "another path": Harm("alter role authenticated set search_path = extensions", (), ("DB029",)),
    "no ledger": Harm("truncate chatops.migrations", ("DB033",), (), **IN_WORDS),
    "the ledger without views": Harm("delete from chatops.migrations where kind = 'repeatable'", ("DB034",), ("DB033",), **IN_WORDS),
    "the ledger of another schema": Harm("update chatops.migrations set target_schema = 'pubic'", ("DB033",), (), **IN_WORDS),
    "nothing kept": Harm("update chatops.settings set value = '[]' where key = 'safety'", ("DB030",)),
    "who is nobody": Harm(
        "create or replace function auth.uid() returns uuid language sql stable as 'select null::uuid'", ("DB030",), (), **IN_WORDS),
}  # fmt: skip  # fmt: skip

ALL = {
    f"{kind}: {name}": harm
    for kind, harms in {"a function": FUNCTIONS, "policies": POLICIES, "published": PUBLISHED, "rights": RIGHTS, "a trigger": TRIGGERS,
                        "keys": KEYS, "a check": CHECKS, "a column": COLUMNS, "storage": STORAGE, "a view": VIEWS, "who comes": COMERS}.items()
    for name, harm in harms.items()
}  # fmt: skip
