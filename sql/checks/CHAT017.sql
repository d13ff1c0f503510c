-- Are the chats spread over the states as they should be?
-- code: CHAT017
-- title: the chats are not spread over the states as they should be, in {count} ways
-- title-one: the chats are not spread over the states as they should be: {trouble}
-- severity: warning
-- group: data
-- meanwhile: yes
-- expected: every chat is in one of the four states, their counts add up, and where chats wait and operators are free some are assigned
-- why: rows were written by hand or before 014, the view is an outdated version, or the application has stopped assigning
-- consequence: chats without a state vanish from every counter, and a queue that nobody takes from only grows
-- help: {mend}
-- help-sql: {remedy}
-- help-text: while nothing is assigned, a person decides: look whether the operators' page asks for chats
-- says: stats seem wrong; nobody answers; the deploy is not right
-- reads: chats, messages, operators, operator_activity
-- limits: silent_minutes
-- shares: active_by_state, shown_by_state
-- needs: chat_queue, operator_load
-- compares: totals
-- An empty table passes and says so.
\set active_by_state `cat sql/checks/shared/active_by_state.sql`
\set shown_by_state `cat sql/checks/shared/shown_by_state.sql`
with active_by_state as materialized (:active_by_state),
shown_by_state as materialized (:shown_by_state),
handed_out as materialized (
  select coalesce(pg_catalog.sum(t.chats) filter (where t.chat_state::text = 'assigned'), 0) as assigned, coalesce(pg_catalog.sum(t.active), 0) as active
    from active_by_state t
), shown as materialized (
  select coalesce(pg_catalog.sum(v.count), 0) as active from shown_by_state v
), idle as materialized (
  select pg_catalog.count(*) as operators
    from operator_load l
   where l.load = 'free'
     and l.last_activity < now() - interval '1 minute'
     and l.last_activity > now() - pg_catalog.make_interval(secs => 60::double precision * :'silent_minutes'::double precision)
), waiting as materialized (
  select pg_catalog.count(*) as chats from chat_queue q where q.waiting_since < now() - interval '1 minute'
)
select found.trouble, found.object, found.mend, found.remedy, found.passes_as, found.because, found.so
  from (
select t.chats::text || case when t.chats = 1 then ' chat has ' else ' chats have ' end
       || coalesce('the state ' || pg_catalog.quote_literal(t.chat_state) || ', which does not exist', 'no state') as trouble,
       null::text as object, null::text as mend,
       pg_catalog.format($remedy$set chatops.write = 'function'; update chats as c
   set chat_state = case when c.is_active is false then 'completed'
                         when c.assigned_operator_id is not null then 'assigned'
                         when newest.sender_type::text = 'fictional' and c.operator_replied_at is not null then 'waiting_real_user_reply'
                         else 'waiting_assignment' end%s
  from chats as o
  left join lateral (select m.sender_type from messages m where m.chat_id = o.id order by m.created_at desc limit 1) as newest on true
 where o.id = c.id and c.chat_state::text is not distinct from %L; reset chatops.write;$remedy$,
                         case when not :'before_018'::boolean then ', epoch = c.epoch + 1' else '' end, t.chat_state) as remedy,
       null::text as passes_as,
       'rows were written by hand or before 014' as because, 'they vanish from every counter, and no operator is given them' as so
  from active_by_state t
 where coalesce(t.chat_state::text, '') not in ('waiting_assignment', 'assigned', 'waiting_real_user_reply', 'completed')
union all
select 'chat_state_summary counts ' || s.active::text || ' active chats, there are ' || h.active::text, 'chat_state_summary', null, null, null,
       'the view is an outdated version', 'who reads it sees more or fewer chats than there are'
  from shown s
 cross join handed_out h
 where s.active <> h.active
union all
select 'nothing is assigned while ' || w.chats::text || ' wait and ' || i.operators::text || ' operators are free', null, 'operators', null, null,
       'the application has stopped asking for chats', 'nobody takes from the queue: it only grows'
  from handed_out h
 cross join idle i
 cross join waiting w
 where h.assigned = 0::numeric and w.chats > 0 and i.operators > 0
union all
select null, null, null, null, 'no chats yet', null, null
 where not exists (select from chats)
  ) as found
