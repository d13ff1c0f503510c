-- Plants DB013: CREATE INDEX CONCURRENTLY was interrupted and left an invalid index behind.
--
-- Made by hand in the catalogue, because an interrupted build cannot be had in a transaction; takes a superuser.
create index idx_messages_unread on messages (chat_id) where read_at is null;
update pg_index set indisvalid = false where indexrelid = 'idx_messages_unread'::regclass;
