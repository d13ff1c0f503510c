-- How often a chat was given back since the last reply, told from its assignments. c: its row
select pg_catalog.count(*) from chat_assignments a
 where a.chat_id = c.id and a.released_at is not null
   and a.release_reason::text is distinct from 'operator_sent_message'
   and a.released_at > coalesce((select pg_catalog.max(r.created_at) from messages r
                                  where r.chat_id = c.id and r.sender_type::text = 'fictional'), '-infinity')
