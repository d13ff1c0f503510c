-- Whether an active chat in state waiting_assignment is not in the queue: before 018 its messages say so. c: its row
not exists (select from messages m
             where m.chat_id = c.id and m.sender_type::text = 'real'
               and m.created_at > coalesce((select r.created_at from messages r
                                             where r.chat_id = c.id and r.sender_type::text = 'fictional'
                                             order by r.created_at desc limit 1), '-infinity'))
