-- The application closes the open assignment of a chat, whosever it is.
update chat_assignments set released_at = statement_timestamp(), release_reason = :'reason'::text
 where chat_id = :'chat_id'::uuid and released_at is null
