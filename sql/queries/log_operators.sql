-- What are these operators called? ids: theirs
select o.id, o.name
from operators o
where o.id = any (:'ids'::uuid[])
