"""What the server says of itself at the beginning of a transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from chatops.db.texts import literal
from chatops.frozen import frozen

_CHATS_SOMEWHERE = """exists (select from pg_class as other
                       join pg_attribute as state on state.attrelid = other.oid and state.attname = 'chat_state'
                      where other.relname = 'chats' and other.relkind in ('r', 'p') and not state.attisdropped
                        and other.relnamespace::regnamespace::text !~ '^pg_')"""
_HIDES = """(select not coalesce(pg_catalog.bool_or(p.polpermissive and p.shows_all), false)
                             or coalesce(pg_catalog.bool_or(not p.polpermissive and not p.shows_all), false)
                        from (select y.polpermissive,
                                     coalesce(pg_catalog.pg_get_expr(y.polqual, y.polrelid) = 'true', false) as shows_all
                                from pg_policy as y
                               where y.polrelid = {table} and y.polcmd in ('r', '*')
                                 and (y.polroles operator(pg_catalog.=) '{{0}}'
                                      or exists (select from pg_catalog.unnest(y.polroles) as r
                                                  where r <> 0::oid and pg_catalog.pg_has_role(r, 'member')))) as p)"""
_TABLES = """array['chats', 'messages', 'chat_assignments', 'operators', 'operator_activity', 'real_users',
                                                               'fictional_users', 'platform_config']"""
_FACTS = """select pg_catalog.current_setting('server_version_num')::int as version_number,
       pg_catalog.current_setting('server_version') as version, current_user::text as role, session_user::text as login,
       current_database()::text as database, statement_timestamp() as now, pg_catalog.pg_is_in_recovery() as standby,
       pg_catalog.pg_backend_pid() as backend_pid, pg_catalog.to_regclass('chats') is not null as has_chats,
       exists (select from pg_attribute
               where attrelid = pg_catalog.to_regclass('chats')::oid and attname = 'waiting_since' and not attisdropped)
         as has_queue_clocks,
       -- Until assign goes by the clocks they are not filled in, or not everywhere: the queue is told by the messages.
       exists (select from pg_attribute
               where attrelid = pg_catalog.to_regclass('chats')::oid and attname = 'waiting_since' and not attisdropped)
         and exists (select from pg_proc
                      where proname = 'take_next_chat'
                        and pronamespace = (select relnamespace from pg_class where oid = pg_catalog.to_regclass('chats')::oid))
         as goes_by_clocks,
       -- By the catalog: to_regclass raises for a role that may not use the schema. By columns: others have tables of such names.
       coalesce(pg_catalog.bool_or(c.relkind = 'r' and c.relname = 'actions' and a.attname = 'transaction_id'), false)
         as has_bookkeeping,
       coalesce(pg_catalog.bool_or(c.relkind = 'r' and c.relname = 'migrations' and a.attname = 'target_schema'), false)
         as has_ledger,
       pg_catalog.max(pg_catalog.pg_get_userbyid(n.nspowner)::text) as schema_owner,
       -- 10 is the role that the server was made by: a superuser has all of its rights, and is told so without a look at roles.
       coalesce(pg_catalog.bool_or(not pg_catalog.pg_has_role(n.nspowner, 'usage')
                        and not pg_catalog.pg_has_role(n.nspowner, 10::oid, 'usage')
                        and n.nspowner is distinct from (select relowner from pg_class
                                                          where oid = pg_catalog.to_regclass('chats')::oid)), false)
         as schema_is_a_strangers,
       pg_catalog.count(c.oid) > 0 as schema_is_used,
       pg_catalog.has_database_privilege(current_database(), 'create') as may_create_schemas,
       pg_catalog.current_setting('default_transaction_read_only')::boolean as read_only,
       exists (select from pg_class
                where relname = 'schema_migrations'
                  and relnamespace = (select oid from pg_namespace where nspname = 'supabase_migrations'))
         as has_supabase_history,
       (select e.extversion from pg_extension as e where e.extname = 'citus') as citus,
       exists (select from pg_trigger
                where tgrelid = pg_catalog.to_regclass('chats')::oid
                  and tgfoid = pg_catalog.to_regproc('pg_catalog.citus_truncate_trigger')::oid) as distributed,
       exists (select from pg_namespace where nspname = {schema}) as schema_there,
       coalesce((select pg_catalog.has_schema_privilege(oid, 'usage') from pg_namespace where nspname = {schema}), true)
         as schema_usable,
       pg_catalog.to_regclass('chats') is null
         and {chats_somewhere} as chats_elsewhere,
       pg_catalog.count(a.attnum) filter (where c.relkind in ('r', 'p') and a.attnum > 0)::int as bookkeeping_columns,
       -- Whether policies hide rows is asked of these alone, and there are mostly none: `hidden_query`.
       pg_catalog.array_cat(
         (select pg_catalog.array_agg(name) from pg_catalog.unnest({tables}) as name
           where pg_catalog.row_security_active(pg_catalog.to_regclass(name)::oid)),
         coalesce(pg_catalog.array_agg('chatops.' || c.relname::text)
                    filter (where c.relkind = 'r' and c.relrowsecurity and a.attnum = -1
                                  and pg_catalog.row_security_active(c.oid)),
                  '{{}}')) as hidden
  from pg_namespace as n
  -- By what depends on it: the catalog of relations has no index by schema, and is long where there are many tenants.
  left join (pg_depend as d
             join pg_class as c on c.oid = d.objid and c.relkind in ('r', 'p', 'v', 'm', 'f')
             left join pg_attribute as a on a.attrelid = c.oid and not a.attisdropped)
    on d.refclassid = 'pg_namespace'::regclass::oid and d.refobjid = n.oid and d.classid = 'pg_class'::regclass::oid
 where n.nspname = 'chatops'"""


def facts_query(schema: str) -> str:
    """What is asked at the beginning of a transaction whose search_path begins with that schema."""
    return _FACTS.format(schema=literal(schema), chats_somewhere=_CHATS_SOMEWHERE, tables=_TABLES)


# Rows are hidden unless the role owns the table or bypasses policies, or one SELECT policy shows it everything.
_HIDDEN = """select coalesce(pg_catalog.array_agg(t.name order by t.name), '{{}}')
  from (select name, pg_catalog.to_regclass(name)::oid as id
          from pg_catalog.unnest({tables}) as name
         union all
        select 'chatops.' || c.relname::text, c.oid from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
         where n.nspname = 'chatops' and c.relkind = 'r' and c.relrowsecurity) as t
 where pg_catalog.row_security_active(t.id)
   and {hides}"""


def hidden_query() -> str:
    """Of the tables that stand under row level security for this role, those where it hides rows; as facts name them."""
    return _HIDDEN.format(tables=_TABLES, hides=_HIDES.format(table="t.id"))


_BY_SCHEMA = """select asked.schema,
       c.oid is not null as has_chats,
       exists (select from pg_attribute where attrelid = c.oid and attname = 'waiting_since' and not attisdropped)
         as has_queue_clocks,
       exists (select from pg_attribute where attrelid = c.oid and attname = 'waiting_since' and not attisdropped)
         and exists (select from pg_proc where pronamespace = c.relnamespace and proname = 'take_next_chat') as goes_by_clocks,
       exists (select from pg_namespace as n join pg_roles as o on o.oid = n.nspowner
                where n.nspname = 'chatops' and not pg_catalog.pg_has_role(n.nspowner, 'usage') and not o.rolsuper
                  and n.nspowner is distinct from c.relowner) as schema_is_a_strangers,
       exists (select from pg_extension as e
                 join pg_proc as p on p.proname = 'citus_truncate_trigger'
                 join pg_trigger as t on t.tgfoid = p.oid and t.tgrelid = c.oid
                where e.extname = 'citus') as distributed,
       s.oid is not null as schema_there,
       coalesce(pg_catalog.has_schema_privilege(s.oid, 'usage'), true) as schema_usable,
       c.oid is null
         and {chats_somewhere} as chats_elsewhere,
       coalesce((select pg_catalog.array_agg(t.relname::text order by t.relname)
                   from pg_class as t
                  where t.relnamespace = s.oid and pg_catalog.has_schema_privilege(s.oid, 'usage')
                    and t.relname in ('chats', 'messages', 'chat_assignments', 'operators', 'operator_activity', 'real_users',
                                      'fictional_users', 'platform_config')
                    and pg_catalog.row_security_active(t.oid)
                    and {hides}), '{{}}') as hidden
  from pg_catalog.unnest({schemas}::text[]) with ordinality as asked (schema, place)
  left join pg_namespace as s on s.nspname = asked.schema
  left join pg_class as c on c.relnamespace = s.oid and c.relname = 'chats' and pg_catalog.has_schema_privilege(s.oid, 'usage')
 order by asked.place"""


def facts_by_schema(schemas: Sequence[str]) -> str:
    """What differs between the schemas of one database, a row for each: what `BY_SCHEMA` names."""
    hides = _HIDES.format(table="t.oid")
    return _BY_SCHEMA.format(schemas=literal(list(schemas)), chats_somewhere=_CHATS_SOMEWHERE, hides=hides)


BY_SCHEMA = ("has_chats", "has_queue_clocks", "goes_by_clocks", "schema_is_a_strangers", "distributed", "schema_there",
             "schema_usable", "chats_elsewhere", "hidden")  # fmt: skip


@frozen
class Facts:
    """What the server said of itself when the transaction began."""

    version_number: int
    version: str
    role: str
    login: str
    database: str
    now: datetime
    standby: bool
    backend_pid: int
    has_chats: bool
    has_queue_clocks: bool
    """chats.waiting_since exists: migration 018 is in."""
    goes_by_clocks: bool
    """The queue goes by it: 021 is in, and 020 has filled it. Until then the messages tell who waits, and since when."""
    has_bookkeeping: bool
    has_ledger: bool
    schema_owner: str | None
    """Whose the schema chatops is, where there is one."""
    schema_is_a_strangers: bool
    """It belongs to a role that is neither this one, nor one it is a member of, nor a superuser, nor the owner of the chats."""
    schema_is_used: bool
    may_create_schemas: bool
    read_only: bool
    """Transactions are read-only unless they say otherwise."""
    has_supabase_history: bool
    citus: str | None
    """The version of the extension, where it is installed."""
    distributed: bool
    """The chats lie on a worker of a Citus cluster."""
    schema_there: bool
    schema_usable: bool
    """This role may use it; of one that is not there nothing is said."""
    chats_elsewhere: bool
    """There are none here, and some in other schemas."""
    bookkeeping_columns: int
    """How many columns the tables of schema chatops have."""
    hidden: list[str]
    """The tables where row level security hides rows from this role; those of schema chatops with its name in front."""

    @property
    def hidden_of_ours(self) -> list[str]:
        """Those of schema chatops."""
        return [name for name in self.hidden if name.startswith("chatops.")]
