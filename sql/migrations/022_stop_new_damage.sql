-- Guards under the application's own writes: only a message decides whose turn it is, and what is stale is not obeyed.
-- effect: late replies and moves to a busy operator are refused from now on
--
-- Our functions mark their writes for the rest of their transaction (chatops.write = 'function'), so what is not marked is
-- the application's. Anybody can set the mark: it tells writers apart, the constraints of later files are what holds.
-- Everything runs as the tables' owner: under row level security an operator's role would lock no row, without an error.

create or replace function guards_are_on() returns boolean
language sql
stable
set search_path from current
as $function$
  select not exists (
    select from chatops.settings as s
     where s.target_schema = current_schema() and s.key = 'guards' and s.value = '"off"'
       and (s.until is null or s.until > clock_timestamp()))
$function$;
comment on function guards_are_on() is
  'False while chatops.settings holds ''"off"'' under the key guards (and its until has not passed): then late replies and
direct writes of the state are obeyed as before. What keeps the rows consistent stays on.';

-- ---- messages -------------------------------------------------------------------------------------------------------

create or replace function order_message() returns trigger
language plpgsql
security definer
set search_path from current
as $function$
declare
  v_write   constant text := coalesce(current_setting('chatops.write', true), '');
  -- Assigned, not performed: an expression by itself is not run as a query.
  v_mark    text;
  v_began   constant timestamptz := clock_timestamp();
  -- What bears an older time is restored history: it keeps its time, and nobody is refused.
  v_live    constant boolean := new.created_at is null or new.created_at > v_began - interval '10 minutes';
  v_chat    record;
begin
  if v_live and new.sender_type = 'real' then
    -- One statement locks, decides and counts. Where it had to wait, it is worked out again for the row as it is then: the
    -- message is later than all before it.
    v_mark := set_config('chatops.write', 'function', true);
    update chats as c
       set message_count = coalesce(c.message_count, 0) + 1,
           updated_at = now(),
           waiting_since = case when c.chat_state <> 'completed' or c.closed_reason = 'max_reassignments'
                                then coalesce(c.waiting_since, greatest(v_began, case when c.last_message_at < clock_timestamp()
                                                                                 then c.last_message_at + interval '1 microsecond' end)) end,
           last_message_at = greatest(v_began, case when c.last_message_at < clock_timestamp()
                                                    then c.last_message_at + interval '1 microsecond' end),
           chat_state = case when c.chat_state = 'assigned' then 'assigned'
                             when c.chat_state <> 'completed' or c.closed_reason = 'max_reassignments' then 'waiting_assignment'
                             else c.chat_state end,
           is_active = c.is_active or coalesce(c.chat_state = 'completed' and c.closed_reason = 'max_reassignments', false),
           closed_reason = case when c.closed_reason <> 'max_reassignments' then c.closed_reason end,
           releases_without_reply = case when c.chat_state = 'completed' then 0 else c.releases_without_reply end,
           state_since = case when c.chat_state in ('assigned', 'waiting_assignment')
                                   or (c.chat_state = 'completed' and c.closed_reason is distinct from 'max_reassignments')
                              then c.state_since else clock_timestamp() end,
           epoch = c.epoch + case when c.chat_state in ('assigned', 'waiting_assignment')
                                       or (c.chat_state = 'completed' and c.closed_reason is distinct from 'max_reassignments')
                                  then 0 else 1 end
     where c.id = new.chat_id
    returning c.last_message_at into new.created_at;
    if not found then
      raise exception 'chat % does not exist', new.chat_id using errcode = 'foreign_key_violation';
    end if;
    v_mark := set_config('chatops.write', v_write, true);
    return new;
  end if;

  if new.sender_type = 'fictional' and new.handled_by_operator_id is not null then
    -- The key only, and before the chat: whoever deletes the operator is waited for with empty hands.
    perform from operators where id = new.handled_by_operator_id for key share;
  end if;
  select c.chat_state, c.assigned_operator_id into v_chat from chats as c
   where c.id = new.chat_id
     for no key update;
  if not found then
    raise exception 'chat % does not exist', new.chat_id using errcode = 'foreign_key_violation';
  end if;
  if not v_live then
    return new;
  end if;
  if new.handled_by_operator_id is not null
     and (v_chat.chat_state is distinct from 'assigned'
          or v_chat.assigned_operator_id is distinct from new.handled_by_operator_id)
     and guards_are_on() then
    perform refuse_late_reply(new.chat_id, new.handled_by_operator_id);
  end if;
  new.created_at := clock_timestamp();
  return new;
end
$function$;
comment on function order_message() is
  'Trigger: messages of one chat get their time while they hold its row, so their order is the order of their effects. A
user''s message calls for an operator unless one is working on the chat; a reply by an operator who does not hold the chat is
refused (55000).';

create or replace function apply_message() returns trigger
language plpgsql
security definer
set search_path from current
as $function$
declare
  v_write constant text := coalesce(current_setting('chatops.write', true), '');
  v_mark  text;
  v_live  constant boolean := new.created_at > now() - interval '10 minutes';
  v_state text;
begin
  v_mark := set_config('chatops.write', 'function', true);
  if new.sender_type = 'real' then
    -- Restored history; a live one was applied before it was stored. It wakes nobody unless it is newer than all there is.
    update chats as c
       set message_count = coalesce(c.message_count, 0) + 1,
           waiting_since = case when found.wakes then coalesce(c.waiting_since, new.created_at) else c.waiting_since end,
           chat_state = case when found.wakes and c.chat_state = 'waiting_real_user_reply' then 'waiting_assignment'
                             else c.chat_state end,
           state_since = case when found.wakes and c.chat_state = 'waiting_real_user_reply' then now() else c.state_since end,
           epoch = c.epoch + case when found.wakes and c.chat_state = 'waiting_real_user_reply' then 1 else 0 end,
           last_message_at = greatest(c.last_message_at, new.created_at)
      from (
        select o.id, o.chat_state <> 'completed' and new.created_at > coalesce(o.last_message_at, '-infinity') as wakes
          from chats as o
         where o.id = new.chat_id
      ) as found
     where c.id = found.id;
  elsif v_live
        or exists (select from chats as c
                    where c.id = new.chat_id and new.created_at > coalesce(c.last_message_at, '-infinity')
                      and c.chat_state is distinct from 'assigned') then
    update chats as c
       set message_count = coalesce(c.message_count, 0) + 1,
           last_message_at = greatest(c.last_message_at, new.created_at),
           updated_at = now(),
           operator_replied_at = new.created_at,
           waiting_since = null,
           releases_without_reply = 0,
           last_operator_id = case when found.ends then coalesce(new.handled_by_operator_id, c.assigned_operator_id, c.last_operator_id)
                                   else c.last_operator_id end,
           chat_state = case when found.ends then 'waiting_real_user_reply' else c.chat_state end,
           assigned_operator_id = case when found.ends then null else c.assigned_operator_id end,
           assignment_time = case when found.ends then null else c.assignment_time end,
           state_since = case when found.ends then new.created_at else c.state_since end,
           epoch = c.epoch + case when found.ends then 1 else 0 end
      from (
        select o.id,
               -- Somebody else's turn goes on: only while the guards are off does such a reply come through.
               coalesce(o.chat_state, '') <> 'completed' and o.is_active is not false
               and (o.assigned_operator_id is null or new.handled_by_operator_id is null
                    or o.assigned_operator_id = new.handled_by_operator_id) as ends
          from chats as o
         where o.id = new.chat_id
      ) as found
     where c.id = found.id
    returning c.chat_state into v_state;
    if v_state is distinct from 'assigned' then
      perform end_turn(new.chat_id, clock_timestamp(), 'operator_sent_message');
    end if;
  else
    update chats set message_count = coalesce(message_count, 0) + 1 where id = new.chat_id;
  end if;
  if new.sender_type = 'fictional' and new.handled_by_operator_id is not null then
    update operators set total_messages = coalesce(total_messages, 0) + 1 where id = new.handled_by_operator_id;
  end if;
  v_mark := set_config('chatops.write', v_write, true);
  return null;
end
$function$;
comment on function apply_message() is
  'Trigger: a reply ends its operator''s turn and is counted, by nobody else; restored messages are counted.';

-- A user's live message has been applied before it was stored: one version of the chat's row for each.
create or replace trigger chatops_apply_message after insert on messages
  for each row when (new.sender_type <> 'real' or new.created_at < clock_timestamp() - interval '9 minutes')
  execute function apply_message();

-- Where the trigger that counts is the one of our own 001, it has nothing left to do. The application's own goes on, and what
-- it writes is taken for counted.
do $counting$
begin
  if exists (
    select from pg_proc as p
     where p.oid = to_regprocedure(format('%I.update_chat_on_message()', current_schema()))
       and regexp_replace(p.prosrc, '\s+', ' ', 'g')
           = ' begin update chats set message_count = coalesce(message_count, 0) + 1, last_message_at = new.created_at, '
             || 'updated_at = now() where id = new.chat_id; return null; end '
  ) then
    create or replace function update_chat_on_message() returns trigger
    language plpgsql
    security definer
    set search_path from current
    as $function$
    begin
      return null;
    end
    $function$;
  end if;
end
$counting$;

create or replace function forget_messages() returns trigger
language plpgsql
security definer
set search_path from current
as $function$
declare
  v_write constant text := coalesce(current_setting('chatops.write', true), '');
begin
  perform set_config('chatops.write', 'function', true);
  -- In the order of the key, as everybody who locks several chats should.
  perform from chats as c where c.id in (select gone.chat_id from gone) order by c.id for no key update;
  update chats as c
     set message_count = greatest(coalesce(c.message_count, 0) - lost.messages, 0),
         waiting_since = settled.waiting_since,
         chat_state = case
           when c.chat_state = 'waiting_real_user_reply' and settled.waiting_since is not null then 'waiting_assignment'
           when c.chat_state = 'waiting_assignment' and c.waiting_since is not null and settled.waiting_since is null
                and c.operator_replied_at is not null then 'waiting_real_user_reply'
           else c.chat_state end
    from (select gone.chat_id, count(*)::integer as messages from gone group by gone.chat_id) as lost
   cross join lateral (select oldest_unanswered(lost.chat_id) as unanswered) as found
   cross join lateral (select case when o.chat_state <> 'completed' then found.unanswered end as waiting_since
                         from chats as o where o.id = lost.chat_id) as settled
   where c.id = lost.chat_id;
  update operators as o
     set total_messages = greatest(coalesce(o.total_messages, 0) - lost.messages, 0)
    from (select gone.handled_by_operator_id as operator_id, count(*)::integer as messages
            from gone where gone.sender_type = 'fictional' group by gone.handled_by_operator_id) as lost
   where o.id = lost.operator_id;
  perform set_config('chatops.write', v_write, true);
  return null;
end
$function$;
comment on function forget_messages() is
  'Trigger: deleted messages are no longer counted, and a chat waits only for what is still there.';

create or replace trigger chatops_forget_messages after delete on messages
  referencing old table as gone
  for each statement execute function forget_messages();

-- ---- chats ----------------------------------------------------------------------------------------------------------

create or replace function guard_new_chat() returns trigger
language plpgsql
security definer
set search_path from current
as $function$
begin
  new.chat_state := coalesce(new.chat_state, case when new.is_active is false then 'completed' else 'waiting_assignment' end);
  new.is_active := coalesce(new.is_active, true) and new.chat_state <> 'completed';
  new.chat_state := case when new.is_active then new.chat_state else 'completed' end;
  if new.chat_state <> 'assigned' then
    new.assigned_operator_id := null;
    new.assignment_time := null;
  end if;
  new.message_count := 0;
  new.state_since := coalesce(new.state_since, clock_timestamp());
  return new;
end
$function$;
comment on function guard_new_chat() is 'Trigger: a new chat has a state, an operator only if it is assigned, and no message yet.';

create or replace trigger chatops_guard_new_chat before insert on chats
  for each row when (current_setting('chatops.write', true) is distinct from 'function')
  execute function guard_new_chat();

create or replace function guard_chat() returns trigger
language plpgsql
security definer
set search_path from current
as $function$
declare
  v_now      constant timestamptz := clock_timestamp();
  v_wanted   text;
  v_operator uuid;
  v_moved    boolean;
  v_same     chats%rowtype;
begin
  if current_setting('chatops.write', true) = 'function' then
    if old.chat_state is not distinct from new.chat_state
       and old.assigned_operator_id is not distinct from new.assigned_operator_id
       and old.is_active is not distinct from new.is_active then
      return new;
    end if;
    -- A repair moved it: its text is older than these columns, so the messages say since when somebody waits.
    if new.chat_state = 'waiting_assignment' then
      perform nextval('chatops.queue_returns');
    end if;
    new.epoch := old.epoch + 1;
    if new.chat_state is distinct from old.chat_state and new.state_since is not distinct from old.state_since then
      new.state_since := v_now;
    end if;
    if new.waiting_since is not distinct from old.waiting_since then
      new.waiting_since := case when new.chat_state <> 'completed' and new.is_active then oldest_unanswered(new.id) end;
    end if;
    if new.is_active and old.is_active is not true then
      new.closed_reason := null;
      new.releases_without_reply := 0;
    end if;
    return new;
  end if;

  if old.chat_state is not distinct from new.chat_state
     and old.assigned_operator_id is not distinct from new.assigned_operator_id
     and old.is_active is not distinct from new.is_active
     and old.message_count is not distinct from new.message_count
     and old.operator_replied_at is not distinct from new.operator_replied_at
     and old.assignment_time is not distinct from new.assignment_time
     and old.last_operator_id is not distinct from new.last_operator_id
     and old.waiting_since is not distinct from new.waiting_since
     and old.state_since is not distinct from new.state_since
     and old.epoch = new.epoch
     and old.releases_without_reply = new.releases_without_reply
     and old.closed_reason is not distinct from new.closed_reason
     and coalesce(new.last_message_at between coalesce(old.last_message_at, '-infinity') and v_now, true) then
    -- Nothing that is the guard's.
    return new;
  end if;

  -- The application's trigger on messages counts once more what has been counted: no second version of the row for that.
  if pg_trigger_depth() > 1 and new.last_message_at <= old.last_message_at then
    v_same := new;
    v_same.message_count := old.message_count;
    v_same.last_message_at := old.last_message_at;
    v_same.updated_at := old.updated_at;
    if v_same *= old then
      return null;
    end if;
  end if;

  v_wanted := coalesce(new.chat_state, old.chat_state, 'waiting_assignment');
  v_operator := new.assigned_operator_id;
  new.is_active := coalesce(new.is_active, old.is_active, true);

  -- What the database alone writes stays, and so does what belongs to the state until the state has been decided.
  new.message_count := old.message_count;
  new.waiting_since := old.waiting_since;
  new.state_since := old.state_since;
  new.epoch := old.epoch;
  new.releases_without_reply := old.releases_without_reply;
  new.closed_reason := old.closed_reason;
  new.operator_replied_at := old.operator_replied_at;
  new.assignment_time := old.assignment_time;
  -- Neither ahead of the clock nor back, as a restored message would set it.
  new.last_message_at := greatest(old.last_message_at, least(new.last_message_at, v_now));

  if not new.is_active or (v_wanted = 'completed' and old.chat_state is distinct from 'completed') then
    -- Closed, or closed before: nothing but activating it opens it again.
    new.is_active := false;
    new.chat_state := 'completed';
    new.assigned_operator_id := null;
    new.waiting_since := null;
    if old.is_active is not false or old.chat_state is distinct from 'completed' then
      new.closed_reason := coalesce(new.closed_reason, 'closed');
    end if;
  elsif v_operator is distinct from old.assigned_operator_id and v_operator is not null and v_wanted = 'assigned' then
    -- Given to an operator by hand.
    perform refuse_busy_operator(v_operator, new.id);
    new.chat_state := 'assigned';
    new.assignment_time := v_now;
    new.closed_reason := null;
    if old.is_active is false then
      new.waiting_since := oldest_unanswered(new.id);
    end if;
  elsif old.is_active is false then
    -- Opened again: whose turn it is stands in its messages.
    new.waiting_since := oldest_unanswered(new.id);
    new.chat_state := case when new.waiting_since is null and new.operator_replied_at is not null
                           then 'waiting_real_user_reply' else 'waiting_assignment' end;
    new.assigned_operator_id := null;
    new.closed_reason := null;
    new.releases_without_reply := 0;
  elsif v_operator is null and v_wanted in ('assigned', 'waiting_assignment')
        and (old.assigned_operator_id is not null or old.chat_state = 'assigned') then
    -- Given back, or its operator was deleted.
    new.chat_state := case when old.waiting_since is null and old.operator_replied_at is not null
                           then 'waiting_real_user_reply' else 'waiting_assignment' end;
    new.releases_without_reply := old.releases_without_reply + case when old.waiting_since is null then 0 else 1 end;
  elsif old.chat_state is null or (old.chat_state <> 'assigned') <> (old.assigned_operator_id is null) then
    -- A row from before the guards that contradicts itself: its messages decide.
    new.waiting_since := coalesce(old.waiting_since, oldest_unanswered(new.id));
    new.chat_state := case when new.waiting_since is null and new.operator_replied_at is not null
                           then 'waiting_real_user_reply' else 'waiting_assignment' end;
    new.assigned_operator_id := null;
  elsif (v_wanted is not distinct from old.chat_state and v_operator is not distinct from old.assigned_operator_id)
        or guards_are_on() then
    -- A stale write of the state, or of somebody else's holder: the messages have decided already.
    new.chat_state := old.chat_state;
    new.assigned_operator_id := old.assigned_operator_id;
  else
    -- The guards are off: as it was written, as far as the row does not contradict itself.
    new.chat_state := case when v_wanted = 'assigned' and v_operator is null then 'waiting_assignment' else v_wanted end;
    if new.chat_state = 'waiting_assignment' then
      new.waiting_since := coalesce(old.waiting_since, v_now);
    elsif new.chat_state = 'waiting_real_user_reply' then
      new.operator_replied_at := coalesce(old.operator_replied_at, v_now);
      new.waiting_since := null;
      new.releases_without_reply := 0;
    end if;
  end if;

  if new.chat_state <> 'assigned' then
    new.assigned_operator_id := null;
    new.assignment_time := null;
  end if;
  v_moved := new.chat_state is distinct from old.chat_state
             or new.assigned_operator_id is distinct from old.assigned_operator_id;
  if v_moved and old.assigned_operator_id is not null and new.assigned_operator_id is null then
    -- Not an operator who is being deleted in this very statement.
    select o.id into new.last_operator_id from operators as o where o.id = old.assigned_operator_id;
    if not found and exists (select from operators as o where o.id = old.last_operator_id) then
      new.last_operator_id := old.last_operator_id;
    end if;
  elsif new.last_operator_id is not null and not v_moved then
    new.last_operator_id := old.last_operator_id;
  end if;
  if v_moved then
    new.epoch := old.epoch + 1;
  end if;
  if new.chat_state is distinct from old.chat_state then
    new.state_since := v_now;
    if new.chat_state = 'waiting_assignment' then
      perform nextval('chatops.queue_returns');
    end if;
  end if;
  return new;
end
$function$;
comment on function guard_chat() is
  'Trigger: the application''s writes of a chat. Closing, opening, giving back and giving to a free operator are done wholly;
a stale write of the state changes nothing; counters and clocks are the database''s.';

-- Short on purpose: a trigger's condition is read anew by every statement, and a long one costs more than the call.
create or replace trigger chatops_guard_chat before update on chats
  for each row when (current_setting('chatops.write', true) is distinct from 'function' or old.epoch = new.epoch)
  execute function guard_chat();

create or replace function follow_holder() returns trigger
language plpgsql
security definer
set search_path from current
as $function$
declare
  v_write constant text := coalesce(current_setting('chatops.write', true), '');
  v_at    constant timestamptz := coalesce(new.assignment_time, clock_timestamp());
begin
  perform set_config('chatops.write', 'function', true);
  update chat_assignments
     set released_at = greatest(v_at, assigned_at),
         -- An admin's reassign has left its reason on the open row.
         release_reason = coalesce(release_reason,
                                   case when not new.is_active then 'chat_closed'
                                        when new.assigned_operator_id is not null then 'manual_reassignment_by_admin:'
                                        else 'manual_release' end)
   where chat_id = new.id and released_at is null;
  delete from operator_activity where chat_id = new.id;
  if new.assigned_operator_id is not null then
    perform begin_turn(new.id, new.assigned_operator_id, v_at, new.waiting_since, greatest(old.waiting_since, old.state_since));
  end if;
  perform set_config('chatops.write', v_write, true);
  return null;
end
$function$;
comment on function follow_holder() is
  'Trigger: when the application gives, takes or moves a chat, the assignments and heartbeats follow in the same statement.';

create or replace trigger chatops_follow_holder after update on chats
  for each row when (old.assigned_operator_id is distinct from new.assigned_operator_id
                     and current_setting('chatops.write', true) is distinct from 'function')
  execute function follow_holder();

-- ---- assignments, heartbeats, operators -----------------------------------------------------------------------------

create or replace function guard_assignment() returns trigger
language plpgsql
security definer
set search_path from current
as $function$
declare
  v_now    constant timestamptz := clock_timestamp();
  v_holder uuid;
  v_write  constant text := coalesce(current_setting('chatops.write', true), '');
begin
  if tg_op = 'UPDATE' then
    -- Read without waiting: this row is locked already, and whoever has the chat's lock may be waiting for it.
    if old.released_at is null and new.released_at is not null then
      if exists (select from chats as c
                  where c.id = old.chat_id and c.chat_state = 'assigned' and c.assigned_operator_id = old.operator_id) then
        return old;
      end if;
      new.released_at := greatest(least(new.released_at, v_now), old.assigned_at);
    elsif old.released_at is not null and new.released_at is null then
      new.released_at := old.released_at;
    end if;
    return new;
  end if;

  select case when c.chat_state = 'assigned' then c.assigned_operator_id end into v_holder from chats as c
   where c.id = new.chat_id
     for no key update;
  if new.released_at is null then
    if v_holder is distinct from new.operator_id
       or exists (select from chat_assignments as a where a.chat_id = new.chat_id and a.released_at is null) then
      -- Written already when the chat was given, or for somebody who did not get it.
      return null;
    end if;
    -- A row that is restored keeps its beginning.
    new.assigned_at := least(new.assigned_at, v_now);
    return new;
  end if;
  -- What ended long ago is restored history.
  if new.released_at < v_now - interval '10 minutes' then
    return new;
  end if;
  new.released_at := least(new.released_at, v_now);
  new.assigned_at := least(new.assigned_at, new.released_at);
  if exists (
    select from chat_assignments as a
     where a.chat_id = new.chat_id
       and a.assigned_at < new.released_at and coalesce(a.released_at, 'infinity') > new.assigned_at
  ) then
    -- The turn that it tells of has its row: only the reason is new.
    perform set_config('chatops.write', 'function', true);
    update chat_assignments set release_reason = new.release_reason
     where chat_id = new.chat_id and operator_id = new.operator_id and released_at is null;
    perform set_config('chatops.write', v_write, true);
    return null;
  end if;
  return new;
end
$function$;
comment on function guard_assignment() is
  'Trigger: a chat has one open assignment, its holder''s, and assignments of one chat never overlap, however they are written.';

create or replace trigger chatops_guard_assignment before insert or update on chat_assignments
  for each row when (current_setting('chatops.write', true) is distinct from 'function')
  execute function guard_assignment();

create or replace function guard_heartbeat() returns trigger
language plpgsql
security definer
set search_path from current
as $function$
declare
  v_now constant timestamptz := clock_timestamp();
begin
  if tg_op = 'INSERT' then
    perform from chats as c
       join operators as o on o.id = c.assigned_operator_id
      where c.id = new.chat_id and c.chat_state = 'assigned' and c.assigned_operator_id = new.operator_id and o.is_active
        for no key update of c;
  else
    -- Read without waiting: this row is locked already, and whoever has the chat's lock may be waiting for it.
    perform from chats as c
       join operators as o on o.id = c.assigned_operator_id
      where c.id = new.chat_id and c.chat_state = 'assigned' and c.assigned_operator_id = new.operator_id and o.is_active;
  end if;
  if not found then
    return null;
  end if;
  if tg_op = 'INSERT' then
    -- The application looks whether it was heard before, then inserts: two tabs do so at once, and neither may fail.
    update operator_activity set last_activity = new.last_activity, updated_at = new.updated_at
     where chat_id = new.chat_id and operator_id = new.operator_id;
    if found then
      return null;
    end if;
  end if;
  -- A row of another day is being restored.
  if new.last_activity is null or new.last_activity > v_now - interval '1 day' then
    new.last_activity := v_now;
    new.updated_at := v_now;
  end if;
  return new;
end
$function$;
comment on function guard_heartbeat() is
  'Trigger: only the holder of a chat, while active, is heard on it, by the server''s clock.';

create or replace trigger chatops_guard_heartbeat before insert or update on operator_activity
  for each row when (current_setting('chatops.write', true) is distinct from 'function')
  execute function guard_heartbeat();

create or replace function keep_total_messages() returns trigger
language plpgsql
set search_path from current
as $function$
begin
  new.total_messages := old.total_messages;
  return new;
end
$function$;
comment on function keep_total_messages() is 'Trigger: replies are counted as they are inserted; other values are not taken.';

create or replace trigger chatops_keep_total_messages before update of total_messages on operators
  for each row when (old.total_messages is distinct from new.total_messages
                     and current_setting('chatops.write', true) is distinct from 'function')
  execute function keep_total_messages();

create or replace function free_chats_of_operator() returns trigger
language plpgsql
security definer
set search_path from current
as $function$
declare
  v_chat_id uuid;
begin
  -- The operator's row is locked, so no chat is waited for: one that is being written now is left to release_idle_chats.
  for v_chat_id in
    select c.id from chats as c
     where c.assigned_operator_id = new.id and c.chat_state = 'assigned'
       for no key update skip locked
  loop
    perform let_go(v_chat_id, new.id, 'operator_deactivated', false, false);
  end loop;
  return null;
end
$function$;
comment on function free_chats_of_operator() is 'Trigger: a deactivated operator gives back the chat they hold.';

create or replace trigger chatops_free_chats_of_operator after update of is_active on operators
  for each row when (old.is_active and new.is_active is not true)
  execute function free_chats_of_operator();

-- ---- who may call ---------------------------------------------------------------------------------------------------

do $privileges$
declare
  v_role text;
begin
  for v_role in
    select 'public' union all select quote_ident(rolname) from pg_roles where rolname in ('anon', 'authenticated', 'service_role')
  loop
    execute format(
      'revoke execute on function guards_are_on(), order_message(), apply_message(), forget_messages(), guard_new_chat(),
         guard_chat(), follow_holder(), guard_assignment(), guard_heartbeat(), keep_total_messages(), free_chats_of_operator()
         from %s', v_role);
  end loop;
end
$privileges$;

-- The guards write what their caller may not: as the tables' owner, also where somebody else has run this file.
do $owner$
declare
  v_owner    regrole;
  v_function regprocedure;
  v_sequence regclass;
begin
  select c.relowner::regrole into v_owner from pg_class as c where c.oid = format('%I.chats', current_schema())::regclass;
  if v_owner::oid = current_user::regrole::oid or not pg_has_role(current_user, v_owner, 'member')
     or not has_schema_privilege(v_owner, current_schema(), 'create') then
    return;
  end if;
  for v_function in
    select p.oid::regprocedure
      from pg_proc as p
     where p.pronamespace = current_schema()::regnamespace
       and p.proowner = current_user::regrole
       and p.proname in (
         'oldest_unanswered', 'order_message', 'apply_message', 'policy_number', 'idle_timeout', 'own_chats_before',
         'refusal_tag', 'count_refusal', 'collect_refusals', 'refuse_other_caller', 'begin_turn', 'end_turn', 'lock_next_chat',
         'explain_empty_queue', 'let_go', 'release_chat', 'release_idle_chats', 'refuse_busy_operator', 'reassign_chat',
         'close_chat', 'refuse_late_reply', 'operator_reply', 'user_message', 'operator_heartbeat', 'guards_are_on',
         'forget_messages', 'guard_new_chat', 'guard_chat', 'follow_holder', 'guard_assignment', 'guard_heartbeat',
         'keep_total_messages', 'free_chats_of_operator', 'assign_chat_to_operator', 'release_and_reassign_chat')
  loop
    execute format('alter function %s owner to %s', v_function, v_owner);
  end loop;
  execute format('grant usage on schema chatops to %s', v_owner);
  execute format('grant select, insert, update on chatops.settings, chatops.refusals to %s', v_owner);
  for v_sequence in
    select s.oid::regclass from pg_class as s
     where s.relnamespace = 'chatops'::regnamespace and s.relkind = 'S' and (s.relname like 'refusal\_%' or s.relname = 'queue_returns')
  loop
    execute format('grant all on sequence %s to %s', v_sequence, v_owner);
  end loop;
end
$owner$;
