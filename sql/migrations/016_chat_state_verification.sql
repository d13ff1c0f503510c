-- Checks on the chat's state, and the view and functions that watch it, each created only where it does not exist.
-- effect: adds two checks on chats, and the view and functions of the monitoring
--
-- The text of the view and of the read functions belongs to sql/views from here on: what stands below is the deployed
-- original (waits since the chat was created, "stuck" by the last write of any kind), so an existing one is left alone.
do $checks$
begin
  if not exists (
    select 1 from pg_constraint
     where conrelid = format('%I.chats', current_schema())::regclass and conname = 'chk_assigned_state_has_operator'
  ) then
    alter table chats
      add constraint chk_assigned_state_has_operator
      check (chat_state <> 'assigned' or assigned_operator_id is not null);
  end if;

  if not exists (
    select 1 from pg_constraint
     where conrelid = format('%I.chats', current_schema())::regclass and conname = 'chk_waiting_reply_has_timestamp'
  ) then
    alter table chats
      add constraint chk_waiting_reply_has_timestamp
      check (chat_state <> 'waiting_real_user_reply' or operator_replied_at is not null);
  end if;
end
$checks$;

do $monitoring$
begin
  if to_regclass(format('%I.chat_state_summary', current_schema())) is null then
    create view chat_state_summary as
    select chat_state,
           count(*) as count,
           count(assigned_operator_id) as with_operator,
           count(last_operator_id) as has_last_operator,
           min(created_at) as oldest_chat,
           max(created_at) as newest_chat
      from chats
     where is_active
     group by chat_state;
  end if;

  if to_regprocedure(format('%I.get_assignment_queue_status()', current_schema())) is null then
    create function get_assignment_queue_status()
    returns table (total_waiting integer, total_assigned integer, total_waiting_reply integer,
                   oldest_waiting_chat timestamptz, average_wait_time_minutes numeric)
    language sql
    stable
    set search_path from current
    as $function$
      select (count(*) filter (where chat_state = 'waiting_assignment'))::integer,
             (count(*) filter (where chat_state = 'assigned'))::integer,
             (count(*) filter (where chat_state = 'waiting_real_user_reply'))::integer,
             min(created_at) filter (where chat_state = 'waiting_assignment'),
             round(avg(extract(epoch from now() - created_at) / 60)
                     filter (where chat_state = 'waiting_assignment'), 2)
        from chats
       where is_active
    $function$;
  end if;

  if to_regprocedure(format('%I.detect_stuck_chats(integer)', current_schema())) is null then
    create function detect_stuck_chats(p_hours integer default 24)
    returns table (chat_id uuid, chat_state text, assigned_operator_id uuid, last_operator_id uuid,
                   hours_in_state numeric, last_message_at timestamptz)
    language sql
    stable
    set search_path from current
    as $function$
      select c.id, c.chat_state, c.assigned_operator_id, c.last_operator_id,
             round(extract(epoch from now() - c.updated_at) / 3600, 2), c.last_message_at
        from chats as c
       where c.is_active
         and c.chat_state <> 'completed'
         and c.updated_at < now() - make_interval(hours => p_hours)
       order by c.updated_at
    $function$;
  end if;
end
$monitoring$;
