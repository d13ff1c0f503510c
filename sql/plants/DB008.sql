-- Plants DB008: the view was dropped and made again with fewer columns.
-- also: DB018
-- not-in-demo: a later migration would not go over it
drop view chat_state_summary;
create view chat_state_summary as
select chat_state, count(*) as count, min(created_at) as oldest_chat from chats where is_active group by chat_state;
