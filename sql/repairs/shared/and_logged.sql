-- The end of an update of locked chats, and its log. locked: id, code, was (the chat as it was)
from locked l
where c.id = l.id
returning l.code, l.was, c as became
), logged as (
:chats_logged
