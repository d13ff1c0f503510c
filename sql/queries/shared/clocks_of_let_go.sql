-- The clocks and counters of a chat that is let go. c: its row; decided: what becomes of it
waiting_since = case when decided.then_state = 'waiting_assignment'
                     then coalesce(c.waiting_since, oldest_unanswered(c.id)) end,
state_since = case when c.chat_state::text is distinct from decided.then_state
                   then statement_timestamp() else c.state_since end,
releases_without_reply = case when :'command' = 'reopen' then 0 when :'command' = 'close' then c.releases_without_reply
                         else c.releases_without_reply
  + case when decided.operator_id is not null and decided.sender_type::text = 'real' then 1 else 0 end end,
closed_reason = case when :'command' = 'close' then 'closed' when :'command' = 'reopen' then null
                     when decided.then_state = 'completed' and c.is_active and c.chat_state::text <> 'completed'
                     then 'max_reassignments' else c.closed_reason end,
epoch = c.epoch + 1,
