-- Writes attempts that changed nothing into the log, with the reason.
-- action; one entry an attempt: chats, operators (null: none meant), outcomes (refused, moved, failed), details
insert into chatops.actions (action, chat_id, operator_id, outcome, detail)
select :'action', given.chat_id, given.operator_id, given.outcome, given.detail
from unnest(:'chats'::uuid[], :'operators'::uuid[], :'outcomes'::text[], :'details'::text[])
     as given(chat_id, operator_id, outcome, detail)
