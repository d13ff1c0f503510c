-- Whether an active chat counts more releases than turns that can have ended, or less than none. c: the chat
c.releases_without_reply <> 0
   and c.chat_state::text is distinct from 'completed'
   and c.is_active is not false
   and c.releases_without_reply not between 0 and (:turns_since_reply)
