-- How many active chats are in each state, how many of them have or had an operator, and the oldest and newest.
-- needs: queue_paused_until
--
-- A published view of the deployed system: it reads as its owner, as it always did, so it is no security invoker's.
create or replace view chat_state_summary as
select c.chat_state,
       pg_catalog.count(*) as count,
       pg_catalog.count(c.assigned_operator_id) as with_operator,
       pg_catalog.count(c.last_operator_id) as has_last_operator,
       pg_catalog.min(c.created_at) as oldest_chat,
       pg_catalog.max(c.created_at) as newest_chat,
       case when c.chat_state::text = 'waiting_assignment' then (select queue_paused_until()) end as paused_until
  from chats as c
 where c.is_active
 group by c.chat_state;
