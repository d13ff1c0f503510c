-- Which chats are held by an operator who is inactive, or silent beyond the idle timeout?
-- code: OPER001
-- invariant: I12
-- title: {count} chats are held by operators who are gone
-- title-one: 1 chat is held by an operator who is gone
-- severity: warning
-- group: data
-- meanwhile: yes
-- expected: no chat is held by an operator who is inactive, or silent beyond the idle timeout and its grace
-- why: the operator closed the tab, or was deactivated while holding the chat; the idle cron did not run, or its release
--   failed, as it does while a setting cannot be read
-- consequence: the user of such a chat waits for an answer that nobody writes, and no other operator gets the chat
-- users-wait: yes
-- help: repair OPER001 --dry-run
-- help-text: or `release --where OPER001`, which undo takes back
-- says: nobody answers
-- reads: chats, operators, operator_activity
-- compares: found
-- limits: idle_timeout_minutes, idle_grace_minutes
-- limit: idle_grace_minutes = 2 min, 0 to 1440: what the idle cron may be late by
\set last_seen `cat sql/repairs/shared/last_seen.sql`
-- Whoever is available and was heard of in the last half hour, holders who are gone left out, may be given what is given back.
with gone as materialized (
select held.chat_id,
       held.operator_id,
       held.operator,
       case when held.is_active then 'silent' else 'inactive' end as operator_is,
       held.held_for,
       held.seen_at as last_seen_at,
       case when held.is_active
            then (:'idle_timeout_minutes'::numeric + :'idle_grace_minutes'::numeric)::text || ' min: idle_timeout_minutes '
                 || :'idle_timeout_minutes'::text || ' + idle_grace_minutes ' || :'idle_grace_minutes'::text end as gone_after
  from (
    select c.id as chat_id,
           c.assigned_operator_id as operator_id,
           o.name as operator,
           coalesce(o.is_active, false) as is_active,
           now() - c.assignment_time as held_for,
           :last_seen as seen_at
      from chats c
      left join operators o on o.id = c.assigned_operator_id
     where c.assigned_operator_id is not null
       and c.chat_state::text = 'assigned'
       and c.is_active is not false
  ) as held
 where not held.is_active
    or held.seen_at is null
    or held.seen_at < now() - pg_catalog.make_interval(secs => 60::double precision * (:'idle_timeout_minutes'::double precision
                                                          + :'idle_grace_minutes'::double precision))
)
select g.chat_id, g.operator_id, g.operator, g.operator_is, g.held_for, g.last_seen_at, g.gone_after,
       case when not there.is then 'nobody else is available: given back, these chats wait until somebody is' end as decides,
       case g.operator_is when 'inactive' then 'the operator was deactivated or deleted while holding the chat, and nothing gave it back'
                          else 'the operator closed the tab; the idle cron did not run, or its release failed, as it does while a setting cannot be read' end as because
  from gone g
 cross join (
   select exists (
     select from operators s
      where s.is_active and s.is_available
        and s.id not in (select h.operator_id from gone h)
        and greatest(s.last_activity, (select pg_catalog.max(a.last_activity) from operator_activity a where a.operator_id = s.id))
            >= now() - interval '30 minutes') as is) as there
 order by g.held_for desc nulls first, g.chat_id
