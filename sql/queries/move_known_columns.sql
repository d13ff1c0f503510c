-- Which columns of chats does the log not keep? All but those that say who holds a chat and what it waits for.
select coalesce(array_agg(attname::text), '{}')
from pg_attribute
where attrelid = 'chats'::regclass and attnum > 0 and not attisdropped
  and attname not in ('chat_state', 'is_active', 'assigned_operator_id', 'assignment_time', 'last_operator_id',
                      'operator_replied_at', 'updated_at', 'waiting_since', 'state_since', 'epoch',
                      'releases_without_reply', 'closed_reason')
