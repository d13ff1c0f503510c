-- Moves what is going on in the demo at this moment to this moment: filling a large one took minutes meanwhile.
--
-- Only chats of the moment, and of those only what belongs to their newest turn: the turns before are hours old.
do $moment$
declare
  v_began  constant timestamptz := (select now from demo_setting);
  v_later  constant interval := now() - v_began;
  v_recent constant timestamptz := v_began - interval '20 minutes';
begin
  update messages as m
     set created_at = m.created_at + v_later, delivered_at = m.delivered_at + v_later, read_at = m.read_at + v_later
    from demo_chat as d
   where d.part in ('busy', 'free', 'waiting') and m.chat_id = d.id and m.created_at > v_recent;
  update chat_assignments as a
     set assigned_at = a.assigned_at + v_later, released_at = a.released_at + v_later, created_at = a.created_at + v_later
    from demo_chat as d
   where d.part in ('busy', 'free') and a.chat_id = d.id and a.assigned_at > v_recent;
  update operator_activity as a
     set last_activity = a.last_activity + v_later, updated_at = a.updated_at + v_later
    from demo_chat as d
   where a.chat_id = d.id;
  update chats as c
     set last_message_at = c.last_message_at + v_later, updated_at = c.updated_at + v_later,
         assignment_time = c.assignment_time + v_later,
         operator_replied_at = case when c.operator_replied_at > v_recent then c.operator_replied_at + v_later
                                    else c.operator_replied_at end
    from demo_chat as d
   where d.part in ('busy', 'free', 'waiting') and c.id = d.id;
  update operators as o
     set last_activity = o.last_activity + v_later
    from demo_operator as d
   where d.part in ('busy', 'free', 'on a break') and o.id = d.id;
  if exists (select from pg_attribute
              where attrelid = 'chats'::regclass and attname = 'waiting_since' and not attisdropped) then
    execute 'update chats as c set waiting_since = c.waiting_since + $1, state_since = c.state_since + $1
               from demo_chat as d where d.part in (''busy'', ''waiting'') and c.id = d.id' using v_later;
    execute 'update chat_assignments as a set waiting_since = a.waiting_since + $1, queued_since = a.queued_since + $1
               from demo_chat as d
              where d.part in (''busy'', ''free'') and a.chat_id = d.id and a.waiting_since > $2' using v_later, v_recent;
  end if;
end
$moment$;
