-- The chats that were judged, locked; not those that somebody changed since, or holds. candidate: id, seen (its version)
from candidate k
join chats c on c.id = k.id
where c.xmin = k.seen
  for no key update of c skip locked
