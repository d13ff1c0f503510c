-- Assignment and release: an operator gets the oldest waiting chat that they did not just have; a chat goes back.
-- effect: assigns skip the chat an operator just had; releases count to a limit
--
-- This is the deployed behaviour, its faults included, kept so that the files that mend them have an original to be
-- compared with: the capacity is counted without a lock, the order is by age of the chat, a locked queue looks like an
-- empty one, every closed assignment counts towards the limit, and a release does not look again at the state.
create or replace function assign_chat_to_operator(p_operator_id uuid) returns uuid
language plpgsql
security definer
set search_path from current
as $function$
declare
  v_is_active    boolean;
  v_is_available boolean;
  v_held         integer;
  v_chat_id      uuid;
begin
  select is_active, is_available into v_is_active, v_is_available from operators where id = p_operator_id;
  if not found then
    raise exception 'Operator % not found', p_operator_id;
  end if;
  if v_is_active is not true then
    raise exception 'Operator % is not active', p_operator_id;
  end if;
  if v_is_available is not true then
    raise exception 'Operator % is not available', p_operator_id;
  end if;

  select pg_catalog.count(*) into v_held from chats
   where assigned_operator_id = p_operator_id and chat_state::text = 'assigned' and is_active;
  if v_held > 0 then
    return null;
  end if;

  select id into v_chat_id from chats
   where chat_state::text = 'waiting_assignment' and is_active
     and (last_operator_id is null or last_operator_id <> p_operator_id)
   order by created_at
   limit 1
   for update skip locked;

  -- Nothing else to be had: rather their own chat than nobody's.
  if v_chat_id is null then
    select id into v_chat_id from chats
     where chat_state::text = 'waiting_assignment' and is_active
     order by created_at
     limit 1
     for update skip locked;
  end if;
  if v_chat_id is null then
    return null;
  end if;

  update chats
     set chat_state = 'assigned',
         assigned_operator_id = p_operator_id,
         assignment_time = now(),
         last_operator_id = p_operator_id,
         updated_at = now()
   where id = v_chat_id;
  insert into chat_assignments (chat_id, operator_id, assigned_at) values (v_chat_id, p_operator_id, now());
  insert into operator_activity (chat_id, operator_id, last_activity, updated_at)
  values (v_chat_id, p_operator_id, now(), now())
  on conflict (chat_id, operator_id) do update
    set last_activity = excluded.last_activity, updated_at = excluded.updated_at;
  update operators set last_activity = now() where id = p_operator_id;
  return v_chat_id;
end
$function$;

create or replace function release_and_reassign_chat(p_chat_id uuid, p_reason text default 'manual_release')
returns boolean
language plpgsql
security definer
set search_path from current
as $function$
declare
  v_operator_id       uuid;
  v_reassignments     integer;
  v_max_reassignments integer;
begin
  select assigned_operator_id into v_operator_id from chats where id = p_chat_id;
  if not found then
    raise exception 'Chat % not found', p_chat_id;
  end if;

  -- A JSON string ("3", as the settings page may save it) raises here.
  select value::integer into v_max_reassignments from platform_config where key::text = 'max_reassignments';
  select pg_catalog.count(*) into v_reassignments from chat_assignments where chat_id = p_chat_id and released_at is not null;

  update chat_assignments
     set released_at = now(), release_reason = p_reason
   where chat_id = p_chat_id and released_at is null;
  delete from operator_activity where chat_id = p_chat_id and operator_id = v_operator_id;

  if v_reassignments >= coalesce(v_max_reassignments, 3) then
    update chats
       set chat_state = 'completed', is_active = false, assigned_operator_id = null, assignment_time = null,
           last_operator_id = coalesce(v_operator_id, last_operator_id), updated_at = now()
     where id = p_chat_id;
    return false;
  end if;

  update chats
     set chat_state = 'waiting_assignment', assigned_operator_id = null, assignment_time = null,
         last_operator_id = coalesce(v_operator_id, last_operator_id), updated_at = now()
   where id = p_chat_id;
  return true;
end
$function$;
