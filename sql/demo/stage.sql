-- What the plants use: whom to take, and how a healthy chat goes on. Every function keeps all counters and clocks right.
--
-- Run before a file of sql/plants, in the same session. A victim is a healthy chat that waits for its user, by the last
-- two digits of its id; each plant has digits of its own.

create or replace function pg_temp.victim(p_digits text, p_older_than interval default '20 minutes') returns uuid
language plpgsql stable
as $function$
declare
  v_chat_id uuid;
begin
  select c.id into v_chat_id
    from chats as c
   where c.id::text like '%' || p_digits
     and c.chat_state = 'waiting_real_user_reply'
     and c.is_active
     and c.last_message_at < now() - p_older_than
   order by c.last_message_at desc
   limit 1;
  if v_chat_id is null then
    raise exception 'no chat ending in % has waited % for its user: the plant needs the population of the demo', p_digits, p_older_than;
  end if;
  return v_chat_id;
end
$function$;

-- Somebody whom only this plant knows; off shift until they take a chat, unless it says when they were heard of.
create or replace function pg_temp.newcomer(p_name text, p_on_shift_heard interval default null) returns uuid
language sql
as $function$
  insert into operators (id, name, email, is_active, is_available, last_activity, total_messages, created_at)
  values (md5('newcomer ' || p_name)::uuid, p_name, lower(replace(p_name, ' ', '.')) || '@operators.example', true,
          p_on_shift_heard is not null, now() - coalesce(p_on_shift_heard, interval '1 hour'), 0, now() - interval '90 days')
  returning id
$function$;

-- How long the queue was when somebody was taken from it so long ago, as in the plot of the population.
create or replace function pg_temp.wait_then(p_ago interval) returns interval
language sql stable
return make_interval(secs => 50 + 170 / (1 + (extract(epoch from p_ago)::float8 / 2400) ^ 2) + 12 * sin(extract(epoch from p_ago)::float8 / 7000));

-- On a schema with the queue's clocks (018): since when the user waits, as the triggers would have kept it.
create or replace function pg_temp.keep_clocks(p_chat_id uuid) returns void
language plpgsql
as $function$
begin
  if exists (select from pg_attribute
              where attrelid = 'chats'::regclass and attname = 'waiting_since' and not attisdropped) then
    execute 'update chats set waiting_since = oldest_unanswered(id), state_since = updated_at where id = $1' using p_chat_id;
    execute 'update chat_assignments as a set waiting_since = c.waiting_since, queued_since = c.waiting_since
               from chats as c where c.id = a.chat_id and a.chat_id = $1 and a.released_at is null' using p_chat_id;
  end if;
end
$function$;

-- The user writes; the chat stays in its state, unless another is given.
create or replace function pg_temp.write_as_user(p_chat_id uuid, p_ago interval, p_content text, p_state text default null)
returns void
language plpgsql
as $function$
begin
  if exists (select from messages where chat_id = p_chat_id and created_at >= now() - p_ago) then
    raise exception 'chat % has messages from less than % ago', p_chat_id, p_ago;
  end if;
  insert into messages (id, chat_id, sender_type, content, created_at, delivered_at)
  values (md5(p_chat_id || 'user' || p_ago)::uuid, p_chat_id, 'real', p_content, now() - p_ago, now() - p_ago);
  update chats
     set message_count = message_count + 1, last_message_at = now() - p_ago, updated_at = now() - p_ago,
         chat_state = coalesce(p_state, chat_state)
   where id = p_chat_id;
  perform pg_temp.keep_clocks(p_chat_id);
end
$function$;

-- Somebody new had the chat, and let it go.
create or replace function pg_temp.had_by(p_chat_id uuid, p_name text, p_ago interval, p_for interval, p_reason text) returns void
language sql
as $function$
  insert into chat_assignments (chat_id, operator_id, assigned_at, released_at, release_reason, created_at)
  values (p_chat_id, pg_temp.newcomer(p_name), now() - p_ago, now() - p_ago + p_for, p_reason, now() - p_ago)
$function$;

-- The user writes, waits for their turn, and an operator takes the chat and has it still.
create or replace function pg_temp.hold(p_chat_id uuid, p_operator_id uuid, p_for interval, p_heard interval default '8 seconds')
returns void
language plpgsql
as $function$
begin
  perform pg_temp.write_as_user(p_chat_id, p_for + pg_temp.wait_then(p_for), 'Can we go on where we stopped?');
  update chats
     set chat_state = 'assigned', assigned_operator_id = p_operator_id, assignment_time = now() - p_for, updated_at = now() - p_for
   where id = p_chat_id;
  insert into chat_assignments (id, chat_id, operator_id, assigned_at, created_at)
  values (md5(p_chat_id || 'hold' || p_for)::uuid, p_chat_id, p_operator_id, now() - p_for, now() - p_for);
  insert into operator_activity (id, chat_id, operator_id, last_activity, updated_at)
  values (md5(p_chat_id || 'heard' || p_for)::uuid, p_chat_id, p_operator_id, now() - p_heard, now() - p_heard);
  update operators set is_available = true, last_activity = now() - p_heard where id = p_operator_id;
  perform pg_temp.keep_clocks(p_chat_id);
end
$function$;

-- The holder answers, and the chat waits for its user again.
create or replace function pg_temp.answer(p_chat_id uuid, p_ago interval, p_content text) returns void
language plpgsql
as $function$
declare
  v_operator_id constant uuid := (select assigned_operator_id from chats where id = p_chat_id);
begin
  insert into messages (id, chat_id, sender_type, content, handled_by_operator_id, created_at, delivered_at)
  values (md5(p_chat_id || 'answer' || p_ago)::uuid, p_chat_id, 'fictional', p_content, v_operator_id, now() - p_ago, now() - p_ago);
  update chats
     set chat_state = 'waiting_real_user_reply', assigned_operator_id = null, assignment_time = null,
         last_operator_id = v_operator_id, operator_replied_at = now() - p_ago,
         message_count = message_count + 1, last_message_at = now() - p_ago, updated_at = now() - p_ago
   where id = p_chat_id;
  update chat_assignments
     set released_at = now() - p_ago + interval '60 milliseconds', release_reason = 'operator_sent_message'
   where chat_id = p_chat_id and released_at is null;
  delete from operator_activity where chat_id = p_chat_id;
  update operators
     set total_messages = coalesce(total_messages, 0) + 1, is_available = false, last_activity = now() - p_ago
   where id = v_operator_id;
  perform pg_temp.keep_clocks(p_chat_id);
end
$function$;
