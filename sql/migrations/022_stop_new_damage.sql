-- Guards under the application's own writes: only a message decides whose turn it is, and what is stale is not obeyed.
-- effect: late replies and moves to a busy operator are refused from now on
--
-- BEFORE triggers lock and decide what is stored; AFTER triggers act on what was stored, for a row that passes the first may
-- still be dropped, or become an update. Our functions mark their writes (chatops.write = 'function'), so what is not marked is
-- the application's. Anybody can set the mark: it is believed of those who may let others write the chats, and of nobody else.
-- These are the tables' owner, as whom our functions run, and chatops_operator.
-- Everything runs as the tables' owner: under row level security an operator's role would lock no row, without an error.
--
-- What fires when, in the order of this file:
--   messages          insert  order_message() locks the chat and gives the time; apply_message() then moves the chat, by one statement
--                             for an ordinary user's message, else by apply_user_message(), apply_reply() or apply_history()
--                     update  keep_message()              delete  forget_messages()
--   chats             insert  guard_new_chat(), open_first_turn()
--                     update  guard_chat(): decide_chat() says what the write comes to, remember_move() what goes with it;
--                             follow_holder() then writes the turns; mark_move() completes what repairs move
--   chat_assignments  insert  guard_assignment()          update  guard_release()          delete  keep_turn()
--   operator_activity insert, update  guard_heartbeat()
--   operators         insert, update  keep_total_messages(), refuse_operators_clock(), free_chats_of_operator()
--   truncate          follow_truncate()

create or replace function guards_are_on() returns boolean
language sql
stable
set search_path from current
as $function$
  select not exists (
    select from chatops.settings as s
     where s.target_schema = current_schema()::text collate pg_catalog."default" and s.key = 'guards' and s.value = '"off"'::jsonb
       and (s.until is null or s.until > clock_timestamp()))
$function$;
comment on function guards_are_on() is
  'False while chatops.settings holds ''"off"'' under the key guards (and its until has not passed): then late replies and
direct writes of the state are obeyed as before. What keeps the rows consistent stays on.';

-- No definer: who writes is asked. A trigger's condition is read anew by every statement, and by far the most of its cost is its
-- length: this call is a fifth of the text that it stands for.
create or replace function others_write(p_table oid) returns boolean
language plpgsql
stable
set search_path from current
as $function$
begin
  return pg_catalog.current_setting('chatops.write'::text, true) is distinct from 'function'
         or not pg_catalog.has_any_column_privilege(p_table, 'update with grant option'::text);
end
$function$;
comment on function others_write(oid) is
  'Whether a write is not ours: it bears no mark, or comes from somebody who may not let others write that table.';

-- A column that the guards read cannot be dropped, nor its type changed, unless somebody drops this view first and puts it back
-- (run this file's statement again): without it the next message would fail.
create or replace view guarded_columns with (security_invoker = true) as
select c.id as chats_id, c.created_at, c.chat_state, c.assigned_operator_id, c.assignment_time, c.last_operator_id,
       c.operator_replied_at, c.last_message_at, c.message_count, c.is_active, c.updated_at, c.waiting_since, c.state_since, c.epoch,
       c.releases_without_reply, c.closed_reason,
       m.id as messages_id, m.chat_id, m.sender_type, m.content, m.handled_by_operator_id, m.is_free_message,
       m.created_at as messages_created_at, m.delivered_at, m.read_at,
       a.id as chat_assignments_id, a.chat_id as chat_assignments_chat_id, a.operator_id, a.assigned_at, a.released_at,
       a.release_reason, a.waiting_since as chat_assignments_waiting_since, a.queued_since, a.announced_reason, a.announced_at,
       v.chat_id as operator_activity_chat_id, v.operator_id as operator_activity_operator_id, v.last_activity,
       v.updated_at as operator_activity_updated_at,
       o.id as operators_id, o.is_active as operators_is_active, o.is_available, o.last_activity as operators_last_activity,
       o.total_messages,
       p.key, p.value
  from chats as c, messages as m, chat_assignments as a, operator_activity as v, operators as o, platform_config as p
 where false;
comment on view guarded_columns is
  'The columns that the guards and functions of chatops read, so that none is dropped or changed under them. To change one: drop
this view, change the column, and run the statement in 022_stop_new_damage.sql that makes it.';

-- ---- messages: order ------------------------------------------------------------------------------------------------

create or replace function note_history(p_message_id uuid) returns void
language plpgsql
set search_path from current
as $function$
declare
  v_noted constant text := coalesce(pg_catalog.current_setting('chatops.history'::text, true), '');
begin
  perform pg_catalog.set_config('chatops.history'::text,
    case when v_noted = 'all' or pg_catalog.length(v_noted) > 3700 then 'all' else v_noted || ' ' || p_message_id::text end, true);
end
$function$;
comment on function note_history(uuid) is
  'Remembers, for as long as the transaction lasts, that a message is restored although its time is not past: after a hundred
such, that all are which its owner writes.';

create or replace function note_move() returns trigger
language plpgsql
set search_path from current
as $function$
begin
  -- To triggers of rows an update that moves a message to another partition is a delete there and an insert here, right after it.
  -- To those of statements it is neither: an INSERT begins with nothing on its way.
  if tg_level = 'STATEMENT' then
    perform pg_catalog.set_config('chatops.moving'::text, ''::text, true), pg_catalog.set_config('chatops.moved'::text, ''::text, true);
  else
    perform pg_catalog.set_config(case tg_when when 'BEFORE' then 'chatops.moving' else 'chatops.moved' end::text, old.id::text, true);
  end if;
  return old;
end
$function$;
comment on function note_move() is
  'Trigger, where messages is partitioned: which message has just left a partition, so that it is known where it arrives.';

create or replace function order_message() returns trigger
language plpgsql
security definer
set search_path from current
as $function$
declare
  v_now    timestamptz;
  v_last   timestamptz;
  v_newest timestamptz;
begin
  if new.chat_id is null then
    return new;  -- Where the column allows it: it is in no chat.
  end if;
  if new.sender_type::text = 'fictional' and new.handled_by_operator_id is not null then
    -- The key only, and before the chat: whoever deletes the operator is waited for with empty hands.
    perform from operators as o where o.id = new.handled_by_operator_id for key share;
  end if;
  -- A message comes after the last move of its chat, too, should the clock have gone back meanwhile. What the same statement has
  -- stored a moment ago is seen; what others have stored while this waited for the chat is in its last_message_at.
  select greatest(c.last_message_at, c.state_since, c.assignment_time),
         (select m.created_at from messages as m where m.chat_id = c.id order by m.created_at desc limit 1) into v_last, v_newest
    from chats as c where c.id = new.chat_id for no key update;
  if not found then
    raise exception 'chat % does not exist', new.chat_id using errcode = 'foreign_key_violation';
  end if;
  v_now := greatest(clock_timestamp(), now());
  if new.created_at is distinct from now() or new.delivered_at is not null or new.read_at is not null
     or (pg_catalog.current_setting('chatops.write'::text, true) = 'function' and pg_catalog.pg_trigger_depth() = 1) then
    perform refuse_clock('messages'::text, w.clock)
       from (values (new.created_at), (new.delivered_at), (new.read_at)) as w (clock)
      where w.clock not between '0001-01-01 00:00:00+00'::timestamptz and '9999-12-31 23:59:59.999999+00'::timestamptz;
    -- A client's time decides nothing. The owner's, if it is not now, is restored history, and so is what bears our mark.
    if (new.created_at < now() or new.created_at > v_now
        or (pg_catalog.current_setting('chatops.write'::text, true) = 'function' and pg_catalog.pg_trigger_depth() = 1))
       and new.created_at <= v_now + interval '1 hour' and is_owners_session() then
      if new.created_at >= now() then
        perform note_history(new.id);
      end if;
      return new;
    end if;
  end if;

  -- Later than the clock, the last message and the newest stored, whatever the clock did. What is over an hour ahead decides
  -- nothing, and is put right first.
  if v_newest > v_now + interval '1 hour' then
    v_newest := restamp_messages(new.chat_id, new.id);
  end if;
  new.created_at := greatest(v_now, v_newest + interval '1 microsecond',
                             case when v_last <= v_now + interval '1 hour' then v_last + interval '1 microsecond' end);
  return new;
end
$function$;
comment on function order_message() is
  'Trigger: messages of one chat get their time while they hold its row, so their order is the order of their effects. History
keeps its time: what a replica, the tables'' owner with a time that is not now, or the owner under our mark writes.';

-- ---- messages: effects, on what was stored -----------------------------------------------------------------------------

create or replace function put_in_order(p_chat_id uuid, p_message_id uuid, p_at timestamptz) returns timestamptz
language plpgsql
set search_path from current
as $function$
declare
  v_last timestamptz;
  v_at   timestamptz;
begin
  select c.last_message_at into v_last from chats as c where c.id = p_chat_id;
  if p_at between now() and clock_timestamp() + interval '1 hour'
     and (v_last is null or v_last < p_at or v_last > clock_timestamp() + interval '1 hour'
          -- A trigger of the application may have told the chat of this message already.
          or (v_last = p_at and not exists (select from messages as m
                                             where m.chat_id = p_chat_id and m.created_at = p_at and m.id <> p_message_id))) then
    return p_at;
  end if;
  v_at := next_instant(p_chat_id, v_last, p_message_id);
  update messages as m set created_at = v_at where m.id = p_message_id;
  return v_at;
end
$function$;
comment on function put_in_order(uuid, uuid, timestamptz) is
  'The time of a stored message, which is put right first where a later trigger of somebody else gave it one before the last, or
another that is not now.';

create or replace function apply_user_message(p_chat_id uuid, p_message_id uuid, p_at timestamptz) returns void
language plpgsql
set search_path from current
as $function$
declare
  v_at     timestamptz;
  v_chat   record;
  v_closed boolean;
  v_opens  boolean;
  v_since  timestamptz;
begin
  -- A trigger of the application may have answered it before its own effect: it keeps its place before that answer.
  if p_at > now() and pg_catalog.current_setting('chatops.nested'::text, true) like '%' || p_chat_id::text || '%' then
    v_at := p_at;
  else
    v_at := put_in_order(p_chat_id, p_message_id, p_at);
  end if;
  select c.chat_state, c.is_active, c.assigned_operator_id, c.waiting_since, c.last_message_at into v_chat
    from chats as c where c.id = p_chat_id;
  v_closed := coalesce(v_chat.chat_state::text = 'completed', false) or v_chat.is_active is false;
  v_opens := v_closed and closed_by_limit(p_chat_id);
  if not v_closed or v_opens then
    v_since := case when not v_opens and v_chat.waiting_since < v_at then v_chat.waiting_since
                    else oldest_unanswered(p_chat_id) end;
  end if;
  update chats as c
     set message_count = coalesce(c.message_count, 0) + 1,
         last_message_at = case when c.last_message_at between v_at and clock_timestamp() + interval '1 hour' then c.last_message_at
                                else v_at end,
         updated_at = v_at,
         waiting_since = v_since,
         chat_state = case when v_since is null or c.assigned_operator_id is not null then c.chat_state else 'waiting_assignment' end,
         is_active = case when v_opens then true else c.is_active end,
         closed_reason = case when not v_opens then c.closed_reason end,
         releases_without_reply = case when v_opens then 0 else c.releases_without_reply end
   where c.id = p_chat_id;
  if v_opens then
    perform pg_catalog.nextval('chatops.queue_returns'::pg_catalog.regclass);
  end if;
end
$function$;
comment on function apply_user_message(uuid, uuid, timestamptz) is
  'What a user''s message means for a chat that is closed, or whose clocks are not to be relied on: counted, and if the
reassignment limit closed the chat, it is opened again and waits since the oldest message that nobody has answered.';

create or replace function apply_reply(p_chat_id uuid, p_message_id uuid, p_at timestamptz, p_operator_id uuid) returns void
language plpgsql
set search_path from current
as $function$
declare
  v_at    timestamptz;
  v_chat  record;
  v_ends  boolean;
  v_ended timestamptz;
begin
  select c.chat_state, c.is_active, c.assigned_operator_id into v_chat from chats as c where c.id = p_chat_id;
  -- Several replies of one statement: the first has ended the turn in which all were written.
  if p_operator_id is not null
     and (v_chat.chat_state::text is distinct from 'assigned' or v_chat.assigned_operator_id is distinct from p_operator_id)
     and not (v_chat.assigned_operator_id is null and v_chat.is_active
              and exists (select from chat_assignments as a
                           where a.chat_id = p_chat_id and a.operator_id = p_operator_id
                             and a.release_reason::text = 'operator_sent_message' and p_at between a.assigned_at and a.released_at))
     and guards_are_on() then
    perform refuse_late_reply(p_chat_id, p_operator_id);
  end if;
  v_at := put_in_order(p_chat_id, p_message_id, p_at);
  v_ended := clock_timestamp();
  if v_at > v_ended then
    -- The clock has gone back. The turn ends after all that one statement has stored.
    select greatest(pg_catalog.max(m.created_at), v_at) into v_ended from messages as m
     where m.chat_id = p_chat_id and m.created_at between v_at and v_ended + interval '1 hour';
  end if;
  -- Somebody else's turn goes on: only while the guards are off does such a reply come through.
  v_ends := coalesce(v_chat.chat_state::text, '') <> 'completed' and v_chat.is_active is not false
            and (v_chat.assigned_operator_id is null or p_operator_id is null or v_chat.assigned_operator_id = p_operator_id);
  update chats as c
     set message_count = coalesce(c.message_count, 0) + 1,
         last_message_at = v_at,
         updated_at = v_at,
         operator_replied_at = v_at,
         waiting_since = null,
         releases_without_reply = 0,
         last_operator_id = case when v_ends or v_chat.assigned_operator_id is null
                                 then coalesce(p_operator_id, c.assigned_operator_id, c.last_operator_id)
                                 else c.last_operator_id end,
         chat_state = case when v_ends then 'waiting_real_user_reply' else c.chat_state end,
         assigned_operator_id = case when v_ends then null else c.assigned_operator_id end,
         assignment_time = case when v_ends then null else c.assignment_time end,
         state_since = case when v_ends then v_ended else c.state_since end,
         epoch = c.epoch + case when v_ends then 1 else 0 end
   where c.id = p_chat_id;
  if found and (v_ends or v_chat.assigned_operator_id is null) then
    perform end_turn(p_chat_id, v_ended, 'operator_sent_message'::text);
  end if;
end
$function$;
comment on function apply_reply(uuid, uuid, timestamptz, uuid) is
  'What a stored reply means: it ends its writer''s turn. One by an operator who does not hold the chat is refused (55000).';

create or replace function apply_history(p_chat_id uuid, p_at timestamptz) returns void
language plpgsql
set search_path from current
as $function$
declare
  v_since timestamptz;
  v_reply record;
  v_ends  boolean;
  v_opens boolean;
  v_state text;
  v_at    constant timestamptz := not_before(p_at);
begin
  v_since := oldest_unanswered(p_chat_id);
  select m.created_at, m.handled_by_operator_id into v_reply from messages as m
   where m.chat_id = p_chat_id and m.sender_type::text = 'fictional' order by m.created_at desc limit 1;
  -- An application that connects as the owner may give its messages their times: its holder's newest reply ends their turn, and
  -- what its user wrote a moment ago opens what the limit closed.
  select coalesce(c.chat_state::text = 'assigned' and v_reply.created_at = p_at and p_at >= c.assignment_time
                  and v_reply.handled_by_operator_id = c.assigned_operator_id, false),
         c.is_active is false and v_since is not null and v_reply.created_at is distinct from p_at
         and p_at > v_at - interval '1 minute' and closed_by_limit(c.id)
    into v_ends, v_opens from chats as c where c.id = p_chat_id;
  select case when v_opens or (v_ends and v_since is not null) then 'waiting_assignment'
              when v_ends then 'waiting_real_user_reply'
              when c.is_active is false then c.chat_state
              when c.chat_state::text = 'waiting_real_user_reply' and v_since is not null then 'waiting_assignment'
              when c.chat_state::text = 'waiting_assignment' and v_since is null and v_reply.created_at is not null
                then 'waiting_real_user_reply'
              else c.chat_state end
    into v_state from chats as c where c.id = p_chat_id;
  update chats as c
     set message_count = coalesce(c.message_count, 0) + 1,
         last_message_at = greatest(c.last_message_at, p_at),
         operator_replied_at = case when v_reply.created_at > coalesce(c.operator_replied_at, '-infinity'::timestamptz)
                                    then v_reply.created_at else c.operator_replied_at end,
         -- Who had it last was told by the chat where it knew of this reply already.
         last_operator_id = case when (v_ends or c.chat_state::text is distinct from 'assigned') and v_reply.created_at = p_at
                                      and (c.last_operator_id is null or c.operator_replied_at is null or c.operator_replied_at < p_at)
                                 then coalesce(v_reply.handled_by_operator_id, c.last_operator_id) else c.last_operator_id end,
         waiting_since = case when v_state <> 'completed' and (v_opens or c.is_active is not false) then v_since end,
         chat_state = v_state,
         is_active = case when v_opens then true else c.is_active end,
         closed_reason = case when not v_opens then c.closed_reason end,
         releases_without_reply = case when v_ends or v_opens then 0 else c.releases_without_reply end,
         assigned_operator_id = case when not v_ends then c.assigned_operator_id end,
         assignment_time = case when not v_ends then c.assignment_time end,
         state_since = case when v_state is distinct from c.chat_state::text then v_at else c.state_since end,
         epoch = c.epoch + case when v_state is distinct from c.chat_state::text then 1 else 0 end
   where c.id = p_chat_id;
  if v_ends then
    perform end_turn(p_chat_id, v_at, 'operator_sent_message'::text);
  end if;
  if v_state = 'waiting_assignment' then
    perform pg_catalog.nextval('chatops.queue_returns'::pg_catalog.regclass);
  end if;
end
$function$;
comment on function apply_history(uuid, timestamptz) is
  'What a restored message means: it is counted, nobody is refused, an open chat waits if its messages say so, and its holder''s
newest reply ends their turn.';

create or replace function apply_message() returns trigger
language plpgsql
security definer
set search_path from current
as $function$
declare
  v_marked constant boolean := coalesce(pg_catalog.current_setting('chatops.write'::text, true), '') = 'function';
  v_noted  constant text := nullif(pg_catalog.current_setting('chatops.history'::text, true), '');
  v_now    constant boolean := new.created_at between now() and clock_timestamp() + interval '1 hour';
  v_said   boolean := false;
begin
  -- What an update has moved here from another partition had its effect when it was written.
  if new.chat_id is null
     or (tg_table_name <> 'messages' and pg_catalog.current_setting('chatops.moved'::text, true) = new.id::text) then
    return null;
  end if;
  if not v_marked then
    set local chatops.write to 'function';
  end if;
  if pg_catalog.pg_trigger_depth() > 1 then
    -- The last ones are enough: the message that was answered has its own effect next.
    perform pg_catalog.set_config('chatops.nested'::text, pg_catalog.right(
      coalesce(pg_catalog.current_setting('chatops.nested'::text, true), '') || ' ' || new.chat_id::text, 370), true);
  end if;
  if v_marked then
    perform pg_catalog.set_config('chatops.counted'::text, ''::text, true);
    if new.sender_type::text = 'fictional' and pg_catalog.pg_trigger_depth() > 1 then
      -- What a trigger of the application says while a chat is given to somebody is not their answer: the turn goes on.
      update chats as c
         set message_count = coalesce(c.message_count, 0) + 1, last_message_at = new.created_at, updated_at = new.created_at,
             operator_replied_at = new.created_at, waiting_since = null
       where c.id = new.chat_id and c.chat_state::text = 'assigned'
         and c.assigned_operator_id = coalesce(new.handled_by_operator_id, c.assigned_operator_id)
         and v_now and (c.last_message_at is null or c.last_message_at < new.created_at);
      v_said := found;
    end if;
  end if;
  if v_said then
    null;
  elsif (pg_catalog.pg_trigger_depth() = 1 and v_marked or new.created_at < now()
         or (v_noted is not null and (v_noted = 'all' or v_noted like '%' || new.id::text || '%')))
        and is_owners_session() then
    perform apply_history(new.chat_id, new.created_at);
  elsif new.sender_type::text = 'real' then
    -- One statement decides and counts, for nearly every message.
    update chats as c
       set message_count = coalesce(c.message_count, 0) + 1,
           last_message_at = new.created_at,
           updated_at = new.created_at,
           waiting_since = coalesce(c.waiting_since, new.created_at),
           chat_state = case when c.chat_state::text = 'assigned' then 'assigned' else 'waiting_assignment' end,
           state_since = case when c.chat_state::text in ('assigned', 'waiting_assignment') then c.state_since else new.created_at end,
           epoch = c.epoch + case when c.chat_state::text in ('assigned', 'waiting_assignment') then 0 else 1 end
     where c.id = new.chat_id
       and c.is_active and c.chat_state::text <> 'completed'
       and v_now and (c.last_message_at is null or c.last_message_at < new.created_at);
    if not found then
      perform apply_user_message(new.chat_id, new.id, new.created_at);
    end if;
  elsif new.sender_type::text = 'fictional' then
    perform apply_reply(new.chat_id, new.id, new.created_at, new.handled_by_operator_id);
  else
    -- Neither a user's nor a reply: it is counted, and changes nobody's turn.
    update chats as c
       set message_count = coalesce(c.message_count, 0) + 1, last_message_at = new.created_at, updated_at = new.created_at
     where c.id = new.chat_id;
  end if;
  if new.sender_type::text = 'fictional' and new.handled_by_operator_id is not null then
    update operators as o set total_messages = coalesce(o.total_messages, 0) + 1 where o.id = new.handled_by_operator_id;
  end if;
  if not v_marked then
    set local chatops.write to '';
  else
    -- The application's own trigger that counts comes next, under the mark of what goes on here.
    perform pg_catalog.set_config('chatops.counted'::text, new.chat_id::text, true);
  end if;
  return null;
end
$function$;
comment on function apply_message() is
  'Trigger: a stored message has its effect, and is counted, by nobody else. A user''s message calls for an operator unless one is
working on the chat; a reply ends its operator''s turn, and is refused (55000) from one who does not hold the chat.';

-- Where the trigger that counts is the one of our own 001, it has nothing left to do. The application's own goes on, and what
-- it writes is taken for counted.
do $counting$
begin
  if exists (
    select from pg_catalog.pg_proc as p
     where p.oid = pg_catalog.to_regprocedure(pg_catalog.quote_ident(current_schema()::text) || '.update_chat_on_message()')
       and pg_catalog.regexp_replace(p.prosrc, '[[:space:]]+'::text, ' '::text, 'g'::text)
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

create or replace function keep_message() returns trigger
language plpgsql
security definer
set search_path from current
as $function$
begin
  perform refuse_clock('messages'::text, w.clock)
     from (values (new.delivered_at, old.delivered_at), (new.read_at, old.read_at)) as w (clock, before)
    where w.clock is distinct from w.before
      and w.clock not between '0001-01-01 00:00:00+00'::timestamptz and '9999-12-31 23:59:59.999999+00'::timestamptz;
  -- Not an operator who is being deleted in this very statement, nor what has another id since.
  if new.handled_by_operator_id is distinct from old.handled_by_operator_id
     and old.handled_by_operator_id is not null
     and not exists (select from operators as o where o.id = old.handled_by_operator_id) then
    old.handled_by_operator_id := new.handled_by_operator_id;
  end if;
  if new.chat_id <> old.chat_id and not exists (select from chats as c where c.id = old.chat_id) then
    old.chat_id := new.chat_id;
  end if;
  if (new.chat_id, new.sender_type::text, new.handled_by_operator_id, new.created_at) is distinct from
     (old.chat_id, old.sender_type::text, old.handled_by_operator_id, old.created_at) then
    raise notice 'message % keeps its chat, sender, writer and time: write another one with user_message() or operator_reply()', old.id;
  end if;
  new.chat_id := old.chat_id;
  new.sender_type := old.sender_type;
  new.handled_by_operator_id := old.handled_by_operator_id;
  new.created_at := old.created_at;
  return new;
end
$function$;
comment on function keep_message() is 'Trigger: a stored message keeps its chat, its sender, its writer and its time.';

create or replace trigger chatops_keep_message before update on messages
  for each row when (others_write('chats'::pg_catalog.regclass::oid)
                     and (new.chat_id is distinct from old.chat_id or new.sender_type::text is distinct from old.sender_type::text
                          or new.created_at is distinct from old.created_at
                          or new.handled_by_operator_id is distinct from old.handled_by_operator_id
                          or new.delivered_at is distinct from old.delivered_at or new.read_at is distinct from old.read_at))
  execute function keep_message();

create or replace function forget_messages() returns trigger
language plpgsql
security definer
set search_path from current
as $function$
declare
  v_marked constant boolean := coalesce(pg_catalog.current_setting('chatops.write'::text, true), '') = 'function';
begin
  if not v_marked then
    set local chatops.write to 'function';
  end if;
  perform pg_catalog.set_config('chatops.counted'::text, ''::text, true);
  -- In the order of the key, as everybody who locks several chats should.
  perform from chats as c where c.id in (select gone.chat_id from gone) order by c.id for no key update;
  update chats as c
     set message_count = greatest(coalesce(c.message_count, 0) - lost.messages, 0),
         waiting_since = settled.waiting_since,
         chat_state = case
           when c.chat_state::text = 'waiting_real_user_reply' and settled.waiting_since is not null then 'waiting_assignment'
           when c.chat_state::text = 'waiting_assignment' and c.waiting_since is not null and settled.waiting_since is null
                and c.operator_replied_at is not null then 'waiting_real_user_reply'
           else c.chat_state end
    from (select gone.chat_id, pg_catalog.count(*)::integer as messages from gone group by gone.chat_id) as lost
   cross join lateral (select oldest_unanswered(lost.chat_id) as unanswered) as found
   cross join lateral (select case when o.chat_state::text <> 'completed' then found.unanswered end as waiting_since
                         from chats as o where o.id = lost.chat_id) as settled
   where c.id = lost.chat_id;
  update operators as o
     set total_messages = greatest(coalesce(o.total_messages, 0) - lost.messages, 0)
    from (select gone.handled_by_operator_id as operator_id, pg_catalog.count(*)::integer as messages
            from gone where gone.sender_type::text = 'fictional' group by gone.handled_by_operator_id) as lost
   where o.id = lost.operator_id;
  if not v_marked then
    set local chatops.write to '';
  end if;
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
  perform refuse_clock('chats'::text, w.clock)
     from (values (new.created_at), (new.updated_at), (new.last_message_at), (new.assignment_time), (new.operator_replied_at),
                  (new.state_since)) as w (clock)
    where w.clock not between '0001-01-01 00:00:00+00'::timestamptz and '9999-12-31 23:59:59.999999+00'::timestamptz;
  new.chat_state := coalesce(new.chat_state::text, case when new.is_active is false then 'completed' else 'waiting_assignment' end);
  new.is_active := coalesce(new.is_active, true) and new.chat_state::text <> 'completed';
  new.chat_state := case when new.is_active then new.chat_state else 'completed' end;
  -- Its messages are counted, and put it into the queue, as they come.
  new.message_count := 0;
  new.waiting_since := null;
  if not is_owners_session() then
    new.epoch := 0;
    new.releases_without_reply := 0;
    new.closed_reason := case when new.chat_state::text = 'completed' then 'closed' end;
    new.state_since := null;
    new.assignment_time := null;
  end if;
  if new.chat_state::text = 'assigned' and new.assigned_operator_id is null then
    raise notice 'chat % waits: it is given to an operator with assign_chat_to_operator() or reassign_chat()', new.id;
    new.chat_state := 'waiting_assignment';
  elsif new.chat_state::text = 'assigned' then
    -- One that is there already is not stored once more: the key says so, or an upsert goes on to its update.
    if not exists (select from chats as c
                    where c.id = new.id
                       or (c.real_user_id = new.real_user_id and c.fictional_user_id = new.fictional_user_id)) then
      perform refuse_busy_operator(new.assigned_operator_id, new.id);
    end if;
    new.assignment_time := coalesce(new.assignment_time, clock_timestamp());
  end if;
  if new.chat_state::text <> 'assigned' then
    new.assigned_operator_id := null;
    new.assignment_time := null;
  end if;
  new.state_since := coalesce(new.state_since, clock_timestamp());
  return new;
end
$function$;
comment on function guard_new_chat() is
  'Trigger: a new chat has a state, an operator only if it is assigned, no message yet, and so nobody who waits.';

create or replace trigger chatops_guard_new_chat before insert on chats
  for each row when (others_write('chats'::pg_catalog.regclass::oid))
  execute function guard_new_chat();

create or replace function open_first_turn() returns trigger
language plpgsql
security definer
set search_path from current
as $function$
begin
  perform begin_turn(new.id, new.assigned_operator_id, new.assignment_time, new.waiting_since, null::timestamptz);
  return null;
end
$function$;
comment on function open_first_turn() is 'Trigger: a chat that is stored as assigned has its assignment.';

create or replace trigger chatops_open_first_turn after insert on chats
  for each row when (new.assigned_operator_id is not null
                     and others_write('chats'::pg_catalog.regclass::oid))
  execute function open_first_turn();

create or replace function complete_our_move(p_old chats, p_new chats) returns chats
language plpgsql
set search_path from current
as $function$
begin
  -- A repair moved it: its text is older than these columns, so the messages say since when somebody waits.
  if p_new.chat_state::text = 'waiting_assignment' then
    perform pg_catalog.nextval('chatops.queue_returns'::pg_catalog.regclass);
  end if;
  p_new.epoch := p_old.epoch + 1;
  if p_new.chat_state::text is distinct from p_old.chat_state::text and p_new.state_since is not distinct from p_old.state_since then
    p_new.state_since := not_before(greatest(p_old.state_since, p_old.assignment_time));
  end if;
  if p_new.waiting_since is not distinct from p_old.waiting_since then
    p_new.waiting_since := case when p_new.chat_state::text <> 'completed' and p_new.is_active then oldest_unanswered(p_new.id) end;
  end if;
  if p_new.is_active and p_old.is_active is not true then
    p_new.closed_reason := null;
    p_new.releases_without_reply := 0;
  elsif p_new.chat_state::text = 'completed' and p_old.chat_state::text is distinct from 'completed' then
    p_new.closed_reason := coalesce(p_new.closed_reason, 'closed');
  end if;
  return p_new;
end
$function$;
comment on function complete_our_move(chats, chats) is
  'A chat that a repair of ours moves, with the clocks and counts that go with the move.';

create or replace function mark_move() returns trigger
language plpgsql
security definer
set search_path from current
as $function$
begin
  if pg_catalog.current_setting('chatops.write'::text, true) is distinct from 'function' then
    return new;
  end if;
  if new.message_count is distinct from old.message_count and pg_catalog.pg_trigger_depth() > 1
     and pg_catalog.current_setting('chatops.counted'::text, true) = new.id::text then
    new.message_count := old.message_count;
    new.last_message_at := old.last_message_at;
  end if;
  if old.chat_state::text is distinct from new.chat_state::text or old.assigned_operator_id is distinct from new.assigned_operator_id
     or old.is_active is distinct from new.is_active then
    new := complete_our_move(old, new);
  end if;
  return new;
end
$function$;
comment on function mark_move() is
  'Trigger: what bears our mark and moves a chat without counting its moves is a repair; a message is counted once under it, too.';

create or replace function settle_chat(p_chat chats) returns chats
language plpgsql
set search_path from current
as $function$
begin
  p_chat.waiting_since := oldest_unanswered(p_chat.id);
  p_chat.chat_state := case when p_chat.waiting_since is null and p_chat.operator_replied_at is not null
                            then 'waiting_real_user_reply' else 'waiting_assignment' end;
  p_chat.assigned_operator_id := null;
  return p_chat;
end
$function$;
comment on function settle_chat(chats) is 'A chat that nobody holds, in the state that its messages say.';

create or replace function decide_chat(p_old chats, p_new chats) returns chats
language plpgsql
set search_path from current
as $function$
declare
  v_wanted   constant text := coalesce(p_new.chat_state::text, p_old.chat_state, 'waiting_assignment');
  v_operator constant uuid := p_new.assigned_operator_id;
  v_now      constant timestamptz := not_before(greatest(p_old.state_since, p_old.waiting_since, p_old.assignment_time));
begin
  if not p_new.is_active or (v_wanted = 'completed' and p_old.chat_state::text is distinct from 'completed') then
    -- Closed, or closed before: nothing but activating it opens it again.
    p_new.is_active := false;
    p_new.chat_state := 'completed';
    p_new.assigned_operator_id := null;
    p_new.waiting_since := null;
    if p_old.is_active is not false or p_old.chat_state::text is distinct from 'completed' then
      p_new.closed_reason := coalesce(p_new.closed_reason, 'closed');
    end if;
  elsif v_operator <> p_old.assigned_operator_id and v_wanted = p_old.chat_state::text
        and not exists (select from operators as o where o.id = p_old.assigned_operator_id) then
    null;  -- Its operator has another id since.
  elsif v_operator is distinct from p_old.assigned_operator_id and v_operator is not null and v_wanted = 'assigned' then
    -- Given to an operator by hand.
    perform refuse_busy_operator(v_operator, p_new.id);
    p_new.chat_state := 'assigned';
    p_new.assignment_time := v_now;
    p_new.closed_reason := null;
    if p_old.is_active is false then
      p_new.waiting_since := oldest_unanswered(p_new.id);
    end if;
  elsif p_old.is_active is false then
    -- Opened again: whose turn it is stands in its messages.
    p_new := settle_chat(p_new);
    p_new.closed_reason := null;
    p_new.releases_without_reply := 0;
  elsif v_operator is null and v_wanted in ('assigned', 'waiting_assignment')
        and (p_old.assigned_operator_id is not null or p_old.chat_state::text = 'assigned') then
    -- Given back, or its operator was deleted.
    p_new.chat_state := case when p_old.waiting_since is null and p_old.operator_replied_at is not null
                             then 'waiting_real_user_reply' else 'waiting_assignment' end;
    p_new.releases_without_reply := p_old.releases_without_reply + case when p_old.waiting_since is null then 0 else 1 end;
  elsif p_old.chat_state is null or (p_old.chat_state::text <> 'assigned') <> (p_old.assigned_operator_id is null) then
    -- A row from before the guards that contradicts itself: its messages decide.
    p_new := settle_chat(p_new);
  elsif (v_wanted = p_old.chat_state::text and v_operator is not distinct from p_old.assigned_operator_id) or guards_are_on() then
    -- A stale write of the state, or of somebody else's holder: the messages have decided already.
    if v_wanted <> p_old.chat_state::text or v_operator is distinct from p_old.assigned_operator_id then
      raise notice 'chat % stays %: its messages decide', p_new.id, p_old.chat_state
        using hint = 'To move it call release_chat(), reassign_chat() or close_chat(), or chatops release, reassign or close.';
    end if;
    p_new.chat_state := p_old.chat_state;
    p_new.assigned_operator_id := p_old.assigned_operator_id;
  else
    -- The guards are off: as it was written, as far as the row does not contradict itself.
    p_new.chat_state := case when v_wanted = 'assigned' and v_operator is null then 'waiting_assignment' else v_wanted end;
    if p_new.chat_state::text = 'waiting_assignment' then
      p_new.waiting_since := coalesce(p_old.waiting_since, v_now);
    elsif p_new.chat_state::text = 'waiting_real_user_reply' then
      p_new.operator_replied_at := coalesce(p_old.operator_replied_at, v_now);
      p_new.waiting_since := null;
      p_new.releases_without_reply := 0;
    end if;
  end if;
  return p_new;
end
$function$;
comment on function decide_chat(chats, chats) is
  'What an application''s write of a chat comes to: closing, opening, giving back and giving to a free operator are done wholly,
a stale write of the state changes nothing, and says so.';

create or replace function remember_move(p_old chats, p_new chats) returns chats
language plpgsql
set search_path from current
as $function$
declare
  v_moved boolean;
begin
  if p_new.chat_state::text <> 'assigned' then
    p_new.assigned_operator_id := null;
    p_new.assignment_time := null;
  end if;
  v_moved := p_new.chat_state::text is distinct from p_old.chat_state::text
             or p_new.assigned_operator_id is distinct from p_old.assigned_operator_id;
  if v_moved and p_old.assigned_operator_id is not null and p_new.assigned_operator_id is null then
    -- Not an operator who is being deleted in this very statement.
    select o.id into p_new.last_operator_id from operators as o where o.id = p_old.assigned_operator_id;
    if not found and exists (select from operators as o where o.id = p_old.last_operator_id) then
      p_new.last_operator_id := p_old.last_operator_id;
    end if;
  elsif p_new.last_operator_id is distinct from p_old.last_operator_id and p_new.last_operator_id is not null and not v_moved
        and (p_old.last_operator_id is null or exists (select from operators as o where o.id = p_old.last_operator_id)) then
    p_new.last_operator_id := p_old.last_operator_id;
  end if;
  if v_moved then
    p_new.epoch := p_old.epoch + 1;
  end if;
  if p_new.chat_state::text is distinct from p_old.chat_state::text then
    p_new.state_since := not_before(greatest(p_old.state_since, p_old.assignment_time, p_new.assignment_time));
    if p_new.chat_state::text = 'waiting_assignment' then
      perform pg_catalog.nextval('chatops.queue_returns'::pg_catalog.regclass);
    end if;
  end if;
  return p_new;
end
$function$;
comment on function remember_move(chats, chats) is
  'A chat as it was decided, with who had it last, its epoch and since when it is in its state.';

create or replace function guard_chat() returns trigger
language plpgsql
security definer
set search_path from current
as $function$
declare
  v_now  constant timestamptz := clock_timestamp();
  v_same chats;
begin
  if least(new.created_at, new.updated_at, new.last_message_at, new.assignment_time, new.operator_replied_at) < '0001-01-01 00:00:00+00'::timestamptz
     or greatest(new.created_at, new.updated_at, new.last_message_at, new.assignment_time, new.operator_replied_at) > '9999-12-31 23:59:59.999999+00'::timestamptz then
    perform refuse_clock('chats'::text, w.clock)
       from (values (new.created_at, old.created_at), (new.updated_at, old.updated_at), (new.last_message_at, old.last_message_at),
                    (new.assignment_time, old.assignment_time), (new.operator_replied_at, old.operator_replied_at))
            as w (clock, before)
      where w.clock is distinct from w.before and w.clock not between '0001-01-01 00:00:00+00'::timestamptz and '9999-12-31 23:59:59.999999+00'::timestamptz;
  end if;
  if old.chat_state::text is not distinct from new.chat_state::text and old.assigned_operator_id is not distinct from new.assigned_operator_id
     and old.is_active is not distinct from new.is_active and old.message_count is not distinct from new.message_count
     and old.operator_replied_at is not distinct from new.operator_replied_at
     and old.assignment_time is not distinct from new.assignment_time
     and old.last_operator_id is not distinct from new.last_operator_id
     and old.waiting_since is not distinct from new.waiting_since and old.state_since is not distinct from new.state_since
     and old.epoch = new.epoch and old.releases_without_reply = new.releases_without_reply
     and old.closed_reason is not distinct from new.closed_reason
     and coalesce(new.last_message_at between coalesce(old.last_message_at, '-infinity'::timestamptz) and v_now, true) then
    -- Nothing that is the guard's.
    return new;
  end if;
  -- The application's trigger on messages counts once more what has been counted: no second version of the row for that.
  if pg_catalog.pg_trigger_depth() > 1 and new.last_message_at <= old.last_message_at then
    v_same := new;
    v_same.message_count := old.message_count;
    v_same.last_message_at := old.last_message_at;
    v_same.updated_at := old.updated_at;
    if v_same operator(pg_catalog.*=) old then
      return null;
    end if;
  elsif new.message_count is distinct from old.message_count and pg_catalog.pg_trigger_depth() = 1 then
    raise notice 'chat % keeps its message_count: messages are counted as they are stored', new.id
      using hint = 'To mend a count use chatops repair DATA001.';
  end if;

  -- What the database alone writes stays, and so does what belongs to the state until the state has been decided.
  new.is_active := coalesce(new.is_active, old.is_active, true);
  new.message_count := old.message_count;
  new.waiting_since := old.waiting_since;
  new.state_since := old.state_since;
  new.epoch := old.epoch;
  new.releases_without_reply := old.releases_without_reply;
  new.closed_reason := old.closed_reason;
  new.operator_replied_at := old.operator_replied_at;
  new.assignment_time := old.assignment_time;
  -- Neither ahead of the clock nor back, as a restored message would set it; and no time of its own without a message.
  new.last_message_at := greatest(old.last_message_at, case when new.last_message_at is not null then least(new.last_message_at, v_now) end);
  new := decide_chat(old, new);
  new := remember_move(old, new);
  return new;
end
$function$;
comment on function guard_chat() is
  'Trigger: the application''s writes of a chat. Closing, opening, giving back and giving to a free operator are done wholly;
a stale write of the state changes nothing; counters and clocks are the database''s.';

create or replace trigger chatops_guard_chat before update on chats
  for each row when (others_write('chats'::pg_catalog.regclass::oid))
  execute function guard_chat();
create or replace trigger chatops_mark_move before update of chat_state, assigned_operator_id, is_active, message_count on chats
  for each row when (old.epoch = new.epoch)
  execute function mark_move();

create or replace function follow_holder() returns trigger
language plpgsql
security definer
set search_path from current
as $function$
declare
  v_at     constant timestamptz := coalesce(new.assignment_time, not_before(new.state_since));
  v_reason text;
begin
  if old.assigned_operator_id is not distinct from new.assigned_operator_id and not (old.is_active and not new.is_active) then
    return null;
  end if;
  if new.assigned_operator_id <> old.assigned_operator_id
     and not exists (select from operators as o where o.id = old.assigned_operator_id) then
    return null;  -- The operator has another id since, and so have the rows.
  end if;
  set local chatops.write to 'function';
  if new.is_active and new.assigned_operator_id is null and old.chat_state::text = 'assigned' then
    -- Let go: the application closes the row next, with the reason, or has said it this moment. Whatever comes before that on this
    -- chat closes it. Why it meant to move the chat, or to answer, is no reason for this.
    select a.announced_reason into v_reason from chat_assignments as a
     where a.chat_id = new.id and a.released_at is null and a.announced_at > clock_timestamp() - interval '5 seconds'
       and a.announced_reason not like 'manual_reassignment%' and a.announced_reason <> 'operator_sent_message';
    if v_reason is not null then
      perform end_turn(new.id, v_at, v_reason);
    else
      delete from operator_activity as v where v.chat_id = new.id;
    end if;
  else
    -- An admin's reassign has said its reason a moment ago.
    select a.announced_reason into v_reason from chat_assignments as a
     where a.chat_id = new.id and a.released_at is null and a.announced_at > clock_timestamp() - interval '1 minute';
    -- The same statement may have written the row of the new turn: it stays.
    if not exists (select from chat_assignments as a
                    where a.chat_id = new.id and a.operator_id = new.assigned_operator_id and a.released_at is null
                      and a.assigned_at = v_at) then
      perform end_turn(new.id, case when old.assigned_operator_id is null then coalesce(old.state_since, v_at) else v_at end,
                       case when not new.is_active then 'chat_closed'
                            when new.assigned_operator_id is null then 'manual_release'
                            when old.assigned_operator_id is null then coalesce(v_reason, 'manual_unassign')
                            else coalesce(v_reason, 'manual_reassignment_by_admin:') end);
    end if;
  end if;
  if new.assigned_operator_id is not null then
    perform begin_turn(new.id, new.assigned_operator_id, v_at, new.waiting_since, greatest(old.waiting_since, old.state_since));
  end if;
  set local chatops.write to '';
  return null;
end
$function$;
comment on function follow_holder() is
  'Trigger: when the application gives, takes or moves a chat, the assignments and heartbeats follow in the same statement; but
what it lets go keeps its open row for the reason that comes with the next.';

create or replace trigger chatops_follow_holder after update on chats
  for each row when (others_write('chats'::pg_catalog.regclass::oid))
  execute function follow_holder();

-- ---- assignments, heartbeats, operators -----------------------------------------------------------------------------

create or replace function guard_assignment() returns trigger
language plpgsql
security definer
set search_path from current
as $function$
declare
  v_now     constant timestamptz := clock_timestamp();
  v_history boolean;
  v_holder  uuid;
  v_given   timestamptz;
begin
  perform refuse_clock('chat_assignments'::text, w.clock)
     from (values (new.assigned_at), (new.released_at), (new.created_at), (new.waiting_since), (new.queued_since)) as w (clock)
    where w.clock not between '0001-01-01 00:00:00+00'::timestamptz and '9999-12-31 23:59:59.999999+00'::timestamptz;
  if exists (select from chat_assignments as a where a.id = new.id) then
    return new;  -- It is not stored once more: the key says so, or an upsert goes on to its update.
  end if;
  v_history := new.assigned_at < now() and is_owners_session();
  if v_history and new.released_at is not null then
    return new;
  end if;
  if v_history then
    -- A restore may fill several tables at once: whoever has the chat's lock may be waiting for one of ours.
    select case when c.chat_state::text = 'assigned' then c.assigned_operator_id end, c.assignment_time into v_holder, v_given
      from chats as c where c.id = new.chat_id
       for no key update skip locked;
  else
    select case when c.chat_state::text = 'assigned' then c.assigned_operator_id end, c.assignment_time into v_holder, v_given
      from chats as c where c.id = new.chat_id
       for no key update;
  end if;
  if not found then
    select case when c.chat_state::text = 'assigned' then c.assigned_operator_id end, c.assignment_time into v_holder, v_given
      from chats as c where c.id = new.chat_id;
  end if;
  if new.released_at is null then
    if v_holder = new.operator_id and v_history and (v_given < now()) is not false then
      -- A row that is restored takes the place of the one that its chat has got.
      set local chatops.write to 'function';
      delete from chat_assignments as a where a.chat_id = new.chat_id and a.released_at is null and a.operator_id = v_holder;
      set local chatops.write to '';
    elsif v_holder is distinct from new.operator_id
          or exists (select from chat_assignments as a where a.chat_id = new.chat_id and a.released_at is null) then
      -- Written already when the chat was given, or for somebody who did not get it.
      if v_holder is distinct from new.operator_id then
        raise notice 'operator % does not hold chat %: nothing was written', new.operator_id, new.chat_id
          using hint = 'To give somebody a chat call reassign_chat(), or chatops reassign.';
      end if;
      return null;
    else
      -- The turn began when the chat was given, whatever its writer's clock says.
      new.assigned_at := coalesce(v_given, least(new.assigned_at, v_now));
    end if;
    return new;
  end if;
  new.released_at := least(new.released_at, v_now);
  new.assigned_at := least(new.assigned_at, new.released_at);
  if exists (
    select from chat_assignments as a
     where a.chat_id = new.chat_id
       and a.assigned_at < new.released_at and coalesce(a.released_at, 'infinity'::timestamptz) > new.assigned_at
  ) then
    -- The turn that it tells of has its row, which ends with this reason if the chat is taken away now.
    update chat_assignments as a set announced_reason = new.release_reason, announced_at = v_now
     where a.chat_id = new.chat_id and a.operator_id = new.operator_id and a.released_at is null;
    raise notice 'the turn of operator % on chat % has its row', new.operator_id, new.chat_id
      using hint = 'To move the chat with a reason call reassign_chat(), or chatops reassign.';
    return null;
  end if;
  return new;
end
$function$;
comment on function guard_assignment() is
  'Trigger: a chat has one open assignment, its holder''s, and assignments of one chat never overlap, however they are written.';

create or replace trigger chatops_guard_assignment before insert on chat_assignments
  for each row when (others_write('chats'::pg_catalog.regclass::oid))
  execute function guard_assignment();

create or replace function guard_release() returns trigger
language plpgsql
security definer
set search_path from current
as $function$
declare
  v_chat record;
begin
  perform refuse_clock('chat_assignments'::text, w.clock)
     from (values (new.assigned_at, old.assigned_at), (new.released_at, old.released_at), (new.created_at, old.created_at),
                  (new.waiting_since, old.waiting_since), (new.queued_since, old.queued_since)) as w (clock, before)
    where w.clock is distinct from w.before
      and w.clock not between '0001-01-01 00:00:00+00'::timestamptz and '9999-12-31 23:59:59.999999+00'::timestamptz;
  if old.released_at is null and new.released_at is not null then
    -- Read without waiting: this row is locked already, and whoever has the chat's lock may be waiting for it.
    select c.chat_state, c.assigned_operator_id, greatest(c.state_since, c.assignment_time) as moved_at into v_chat
      from chats as c where c.id = old.chat_id;
    if v_chat.chat_state::text = 'assigned' and v_chat.assigned_operator_id = old.operator_id then
      raise notice 'operator % holds chat %: the assignment stays open', old.operator_id, old.chat_id
        using hint = 'To take the chat away call release_chat() or reassign_chat(), or chatops release or reassign.';
      -- Who says why before taking the chat away is heard.
      old.announced_reason := new.release_reason;
      old.announced_at := clock_timestamp();
      return old;
    end if;
    -- It ended when the chat was let go, or went to somebody else: whoever takes it this moment begins after that.
    new.released_at := greatest(least(new.released_at, clock_timestamp(), v_chat.moved_at), old.assigned_at);
  elsif new.released_at is distinct from old.released_at then
    raise notice 'the turn of operator % on chat % has ended, and keeps its end', old.operator_id, old.chat_id
      using hint = 'To mend a time use chatops repair.';
    new.released_at := old.released_at;
  end if;
  -- Not an operator who is being deleted in this very statement, nor what has another id since.
  if new.operator_id is distinct from old.operator_id and not exists (select from operators as o where o.id = old.operator_id) then
    old.operator_id := new.operator_id;
  end if;
  if new.chat_id <> old.chat_id and not exists (select from chats as c where c.id = old.chat_id) then
    old.chat_id := new.chat_id;
  end if;
  if (new.chat_id, new.operator_id, new.assigned_at) is distinct from (old.chat_id, old.operator_id, old.assigned_at) then
    raise notice 'the turn of operator % on chat % keeps both, and when it began', old.operator_id, old.chat_id
      using hint = 'To move the chat call reassign_chat(), or chatops reassign.';
    new.chat_id := old.chat_id;
    new.operator_id := old.operator_id;
    new.assigned_at := old.assigned_at;
  end if;
  return new;
end
$function$;
comment on function guard_release() is
  'Trigger: the assignment of a chat''s holder is not closed by itself, what is closed stays so, and none changes chat or operator.';

create or replace trigger chatops_guard_release before update on chat_assignments
  for each row when (others_write('chats'::pg_catalog.regclass::oid))
  execute function guard_release();

create or replace function keep_turn() returns trigger
language plpgsql
security definer
set search_path from current
as $function$
begin
  -- Not one that goes with its chat or its operator.
  if exists (
    select from chats as c
      join operators as o on o.id = c.assigned_operator_id
     where c.id = old.chat_id and c.chat_state::text = 'assigned' and c.assigned_operator_id = old.operator_id
  ) then
    raise notice 'operator % holds chat %: the assignment stays', old.operator_id, old.chat_id
      using hint = 'To take the chat away call release_chat() or reassign_chat(), or chatops release or reassign.';
    return null;
  end if;
  return old;
end
$function$;
comment on function keep_turn() is 'Trigger: the open assignment of a chat''s holder is not deleted while they hold it.';

create or replace trigger chatops_keep_turn before delete on chat_assignments
  for each row when (old.released_at is null
                     and others_write('chats'::pg_catalog.regclass::oid))
  execute function keep_turn();

create or replace function follow_truncate() returns trigger
language plpgsql
security definer
set search_path from current
as $function$
declare
  v_marked constant boolean := coalesce(pg_catalog.current_setting('chatops.write'::text, true), '') = 'function';
begin
  if not v_marked then
    set local chatops.write to 'function';
  end if;
  perform pg_catalog.set_config('chatops.counted'::text, ''::text, true);
  if tg_table_name = 'messages' then
    update chats as c set message_count = 0, waiting_since = null where c.message_count <> 0 or c.waiting_since is not null;
    update operators as o set total_messages = 0 where o.total_messages <> 0;
  else
    insert into chat_assignments (chat_id, operator_id, assigned_at, waiting_since)
    select c.id, c.assigned_operator_id, coalesce(c.assignment_time, clock_timestamp()), c.waiting_since
      from chats as c
     where c.chat_state::text = 'assigned' and c.is_active and c.assigned_operator_id is not null;
  end if;
  if not v_marked then
    set local chatops.write to '';
  end if;
  return null;
end
$function$;
comment on function follow_truncate() is
  'Trigger: without its messages nothing is counted and nobody waits; a chat that is held keeps its open assignment.';

create or replace trigger chatops_follow_truncate after truncate on messages
  for each statement execute function follow_truncate();
create or replace trigger chatops_follow_truncate after truncate on chat_assignments
  for each statement execute function follow_truncate();

create or replace function guard_heartbeat() returns trigger
language plpgsql
security definer
set search_path from current
as $function$
declare
  v_now    constant timestamptz := clock_timestamp();
  v_given  timestamptz;
  v_before timestamptz;
begin
  perform refuse_clock('operator_activity'::text, w.clock)
     from (values (new.last_activity), (new.updated_at)) as w (clock)
    where w.clock not between '0001-01-01 00:00:00+00'::timestamptz and '9999-12-31 23:59:59.999999+00'::timestamptz;
  if tg_op = 'UPDATE' and (new.chat_id, new.operator_id) <> (old.chat_id, old.operator_id)
     and not (exists (select from chats as c where c.id = old.chat_id)
              and exists (select from operators as o where o.id = old.operator_id)) then
    return new;  -- One of them has another id since.
  end if;
  if tg_op = 'INSERT' and (new.last_activity < now() and is_owners_session()) is not true then
    select c.assignment_time into v_given from chats as c
      join operators as o on o.id = c.assigned_operator_id
     where c.id = new.chat_id and c.chat_state::text = 'assigned' and c.assigned_operator_id = new.operator_id and o.is_active
       for no key update of c;
  else
    -- Read without waiting: this row is locked already, or a restore fills several tables at once, and whoever has the chat's lock
    -- may be waiting for one of ours.
    select c.assignment_time into v_given from chats as c
      join operators as o on o.id = c.assigned_operator_id
     where c.id = new.chat_id and c.chat_state::text = 'assigned' and c.assigned_operator_id = new.operator_id and o.is_active;
  end if;
  if not found then
    raise notice 'operator % does not hold chat %: nobody is heard there', new.operator_id, new.chat_id
      using hint = 'operator_heartbeat() says whether they do; assign_chat_to_operator() gives them a chat.';
    return null;
  end if;
  -- The time of the last input: in the past it tells something, in the future a client's clock is wrong.
  new.last_activity := least(new.last_activity, v_now);
  new.updated_at := least(new.updated_at, v_now);
  if tg_op = 'INSERT' then
    -- The application looks whether it was heard before, then inserts: two tabs do so at once, and neither may fail. Nor may a
    -- row that is restored, nor an upsert go without its row in the answer: the new one takes the place of the old. An upsert
    -- never comes to its own condition then, so no input is forgotten for an earlier one; the row that giving the chat wrote is none.
    delete from operator_activity as v where v.chat_id = new.chat_id and v.operator_id = new.operator_id
    returning v.last_activity into v_before;
    if v_before > new.last_activity and v_before <> v_given then
      new.last_activity := v_before;
    end if;
  end if;
  return new;
end
$function$;
comment on function guard_heartbeat() is
  'Trigger: only the holder of a chat, while active, is heard on it; their last input keeps its time unless it is ahead of ours.';

create or replace trigger chatops_guard_heartbeat before insert or update on operator_activity
  for each row when (others_write('chats'::pg_catalog.regclass::oid))
  execute function guard_heartbeat();

create or replace function keep_total_messages() returns trigger
language plpgsql
set search_path from current
as $function$
begin
  if tg_op = 'INSERT' then
    new.total_messages := 0;
    return new;
  end if;
  raise notice 'operator % keeps total_messages: replies are counted as they are stored', old.id
    using hint = 'To mend a count use chatops repair DATA001.';
  new.total_messages := old.total_messages;
  return new;
end
$function$;
comment on function keep_total_messages() is 'Trigger: replies are counted as they are inserted; other values are not taken.';

-- Asked about its own table: a node that joins a cluster is given this one before the chats.
create or replace trigger chatops_start_total_messages before insert on operators
  for each row when (new.total_messages <> 0
                     and others_write('operators'::pg_catalog.regclass::oid))
  execute function keep_total_messages();
create or replace trigger chatops_keep_total_messages before update of total_messages on operators
  for each row when (old.total_messages is distinct from new.total_messages
                     and others_write('operators'::pg_catalog.regclass::oid))
  execute function keep_total_messages();

create or replace function refuse_operators_clock() returns trigger
language plpgsql
set search_path from current
as $function$
begin
  perform refuse_clock('operators.last_activity'::text, new.last_activity);
  return new;
end
$function$;
comment on function refuse_operators_clock() is 'Trigger: an operator was not heard of at infinity, nor in a year that no client can read.';

create or replace trigger chatops_refuse_operators_clock before insert or update of last_activity on operators
  for each row when (new.last_activity not between '0001-01-01 00:00:00+00'::timestamptz and '9999-12-31 23:59:59.999999+00'::timestamptz)
  execute function refuse_operators_clock();

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
     where c.assigned_operator_id = new.id and c.chat_state::text = 'assigned'
       for no key update skip locked
  loop
    perform let_go(v_chat_id, new.id, 'operator_deactivated'::text, false, false);
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
  c_ours constant text := 'guards_are_on(), note_history(uuid), note_move(), order_message(), '
    || 'put_in_order(uuid, uuid, timestamptz), '
    || 'apply_user_message(uuid, uuid, timestamptz), apply_reply(uuid, uuid, timestamptz, uuid), apply_history(uuid, timestamptz), '
    || 'apply_message(), keep_message(), forget_messages(), guard_new_chat(), open_first_turn(), complete_our_move(chats, chats), '
    || 'settle_chat(chats), decide_chat(chats, chats), remember_move(chats, chats), guard_chat(), mark_move(), follow_holder(), '
    || 'guard_assignment(), guard_release(), keep_turn(), follow_truncate(), guard_heartbeat(), keep_total_messages(), '
    || 'refuse_operators_clock(), '
    || 'free_chats_of_operator()';
  v_role text;
begin
  for v_role in
    select 'public' union all
    select pg_catalog.quote_ident(rolname::text) from pg_catalog.pg_roles
     where rolname in ('anon', 'authenticated', 'service_role')
  loop
    execute 'revoke execute on function ' || c_ours || ' from ' || v_role;
    execute 'revoke all on guarded_columns from ' || v_role;
  end loop;
  -- Conditions of triggers call it as whoever writes.
  grant execute on function others_write(oid) to public;
end
$privileges$;

-- The guards write what their caller may not: as the tables' owner, also where somebody else has run this file.
do $owner$
declare
  v_owner    regrole;
  v_self     oid;
  v_function regprocedure;
  v_relation regclass;
begin
  select r.oid into v_self from pg_catalog.pg_roles as r where r.rolname = current_user;
  select c.relowner::regrole into v_owner from pg_catalog.pg_class as c where c.oid = 'chats'::pg_catalog.regclass::oid;
  if v_owner::oid = v_self or not pg_catalog.pg_has_role(v_self, v_owner::oid, 'member'::text)
     or not pg_catalog.has_schema_privilege(v_owner::oid, current_schema()::text, 'create'::text) then
    return;
  end if;
  for v_function in
    select p.oid::regprocedure
      from pg_catalog.pg_proc as p
      join pg_catalog.pg_namespace as n on n.oid = p.pronamespace and n.nspname = current_schema()
     where p.proowner = v_self
       and p.proname in (
         'policy_number', 'oldest_unanswered', 'closed_by_limit', 'is_owners_session', 'refuse_clock', 'restamp_messages',
         'next_instant', 'not_before', 'order_message', 'apply_message', 'idle_timeout', 'own_chats_before', 'paused_until', 'count_refusal',
         'refuse_other_caller', 'refuse_absent_operator', 'begin_turn', 'end_turn', 'known_queue_head', 'lock_waiting_chat',
         'heads_of_lanes', 'lock_next_chat', 'take_chat', 'take_next_chat', 'held_chat', 'lock_operator', 'assign_chat_to_operator',
         'explain_empty_queue', 'is_idle', 'let_go', 'release_and_reassign_chat', 'release_chat', 'close_left_over_turns',
         'release_idle_chats', 'refuse_busy_operator', 'reassign_chat', 'close_chat', 'reopen_chat', 'refuse_late_reply',
         'stored_message', 'operator_reply', 'user_message', 'operator_heartbeat', 'guards_are_on', 'others_write', 'note_history', 'note_move', 'put_in_order',
         'apply_user_message', 'apply_reply', 'apply_history', 'keep_message', 'forget_messages', 'guard_new_chat',
         'open_first_turn', 'complete_our_move', 'settle_chat', 'decide_chat', 'remember_move', 'guard_chat', 'mark_move', 'follow_holder',
         'guard_assignment', 'guard_release', 'keep_turn', 'follow_truncate', 'guard_heartbeat', 'keep_total_messages', 'refuse_operators_clock',
         'free_chats_of_operator')
  loop
    execute 'alter function ' || v_function::text || ' owner to ' || v_owner::text;
  end loop;
  foreach v_relation in array array['guarded_columns'::pg_catalog.regclass, 'refusals_late_reply'::pg_catalog.regclass,
                                    'refusals_operator_busy'::pg_catalog.regclass] loop
    execute case when v_relation::oid = 'guarded_columns'::pg_catalog.regclass::oid then 'alter view ' else 'alter sequence ' end
      || v_relation::text || ' owner to ' || v_owner::text;
  end loop;
  execute 'grant usage on schema chatops to ' || v_owner::text;
  execute 'grant select, insert, update on chatops.settings to ' || v_owner::text;
  execute 'grant all on sequence chatops.queue_returns to ' || v_owner::text;
end
$owner$;
