-- Since when the user of a chat waits for an answer. c: the chat's row
select c.waiting_since
