-- The chats that have been stuck for longer than so many hours, longest first; hours_in_state is the wait for us.
-- needs: stuck_chats
create or replace function detect_stuck_chats(p_hours integer default 24)
returns table (chat_id uuid, chat_state text, assigned_operator_id uuid, last_operator_id uuid,
               hours_in_state numeric, last_message_at timestamptz)
language sql
stable
set search_path from current
as $function$
  select s.chat_id, s.chat_state, s.operator_id, s.last_operator_id,
         pg_catalog.round(extract(epoch from now() - s.since) / 3600::numeric, 2), s.last_message_at
    from stuck_chats as s
   where s.since < now() - pg_catalog.make_interval(hours => p_hours)
   order by s.since
$function$;
