-- Where messages is partitioned: a message at a partition's end is refused in words, one that an update moves is no new message.
-- effect: nothing, unless messages is partitioned: see chatops help scale

do $partitioned$
begin
  if (select c.relkind from pg_catalog.pg_class as c where c.oid = 'messages'::pg_catalog.regclass::oid) = 'p' then
    create or replace trigger chatops_note_moving before delete on messages for each row execute function note_move();
    create or replace trigger chatops_note_moved after delete on messages for each row execute function note_move();
    create or replace trigger chatops_note_no_move before insert on messages for each statement execute function note_move();
  end if;
end
$partitioned$;

create or replace function order_message() returns trigger
language plpgsql
security definer
set search_path from current
as $function$
declare
  v_now    timestamptz;
  v_last   timestamptz;
  v_newest timestamptz;
  c_given  constant timestamptz := new.created_at;
  v_style  text;
  v_fits   boolean;
begin
  -- It may be in no chat, where the column allows it. What an update moves here from another partition was written before.
  if new.chat_id is null
     or (tg_table_name <> 'messages' and pg_catalog.current_setting('chatops.moving'::text, true) = new.id::text) then
    return new;
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

  -- A row cannot go to another partition here: the server would say so (0A000) in words that help nobody.
  if tg_table_name <> 'messages' and new.created_at is distinct from c_given then
    -- The bounds are told and read again as the session writes dates: not in all ways does that come to the same.
    v_style := pg_catalog.current_setting('datestyle'::text);
    perform pg_catalog.set_config('datestyle'::text, 'ISO'::text, true);
    execute 'select ' || coalesce(pg_catalog.pg_get_partition_constraintdef(tg_relid), 'true'::text) || ' from (select ($1).*) as m'
       into v_fits using new;
    perform pg_catalog.set_config('datestyle'::text, v_style, true);
    if v_fits is false then
      raise exception 'the partition for % ended while message % was written: send it again', c_given, new.id
        using errcode = 'serialization_failure',
              hint = 'Without a created_at of its own it goes to the partition of the moment. Nothing was stored.';
    end if;
  end if;
  return new;
end
$function$;
comment on function order_message() is
  'Trigger: messages of one chat get their time while they hold its row, so their order is the order of their effects. History
keeps its time: what a replica, the tables'' owner with a time that is not now, or the owner under our mark writes.';
