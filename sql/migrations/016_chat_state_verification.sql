-- Checks on the chat's state, and the view and functions that watch it, each created only where it does not exist.
-- effect: adds two checks on chats, and the view and functions of the monitoring
--
-- The text of the view and of the read functions belongs to sql/views from here on: what stands below is the deployed
-- original (waits since the chat was created, "stuck" by the last write of any kind), so an existing one is left alone.
do $checks$
begin
  if not exists (
    select 1 from pg_constraint
     where conrelid = pg_catalog.format('%I.chats', current_schema())::regclass::oid and conname = 'chk_assigned_state_has_operator'
  ) then
    alter table chats
      add constraint chk_assigned_state_has_operator
      check (chat_state::text <> 'assigned' or assigned_operator_id is not null);
  end if;

  if not exists (
    select 1 from pg_constraint
     where conrelid = pg_catalog.format('%I.chats', current_schema())::regclass::oid and conname = 'chk_waiting_reply_has_timestamp'
  ) then
    alter table chats
      add constraint chk_waiting_reply_has_timestamp
      check (chat_state::text <> 'waiting_real_user_reply' or operator_replied_at is not null);
  end if;
end
$checks$;

do $monitoring$
begin
  if pg_catalog.to_regclass(pg_catalog.format('%I.chat_state_summary', current_schema())) is null then
    create view chat_state_summary as
    select chat_state,
           pg_catalog.count(*) as count,
           pg_catalog.count(assigned_operator_id) as with_operator,
           pg_catalog.count(last_operator_id) as has_last_operator,
           pg_catalog.min(created_at) as oldest_chat,
           pg_catalog.max(created_at) as newest_chat
      from chats
     where is_active
     group by chat_state;
  end if;

  if pg_catalog.to_regprocedure(pg_catalog.format('%I.get_assignment_queue_status()', current_schema())) is null then
    create function get_assignment_queue_status()
    returns table (total_waiting integer, total_assigned integer, total_waiting_reply integer,
                   oldest_waiting_chat timestamptz, average_wait_time_minutes numeric)
    language sql
    stable
    set search_path from current
    as $function$
      select (pg_catalog.count(*) filter (where chat_state::text = 'waiting_assignment'))::integer,
             (pg_catalog.count(*) filter (where chat_state::text = 'assigned'))::integer,
             (pg_catalog.count(*) filter (where chat_state::text = 'waiting_real_user_reply'))::integer,
             pg_catalog.min(created_at) filter (where chat_state::text = 'waiting_assignment'),
             pg_catalog.round(pg_catalog.avg(extract(epoch from now() - created_at) / 60)
                     filter (where chat_state::text = 'waiting_assignment'), 2)
        from chats
       where is_active
    $function$;
  end if;

  if pg_catalog.to_regprocedure(pg_catalog.format('%I.detect_stuck_chats(integer)', current_schema())) is null then
    create function detect_stuck_chats(p_hours integer default 24)
    returns table (chat_id uuid, chat_state text, assigned_operator_id uuid, last_operator_id uuid,
                   hours_in_state numeric, last_message_at timestamptz)
    language sql
    stable
    set search_path from current
    as $function$
      select c.id, c.chat_state, c.assigned_operator_id, c.last_operator_id,
             pg_catalog.round(extract(epoch from now() - c.updated_at) / 3600, 2), c.last_message_at
        from chats as c
       where c.is_active
         and c.chat_state::text <> 'completed'
         and c.updated_at < now() - pg_catalog.make_interval(hours => p_hours)
       order by c.updated_at
    $function$;
  end if;
end
$monitoring$;
