-- Which operators could be meant: by full id, by the beginning of an id, or by part of the name or e-mail.
-- low, high: the range of ids that begin so (null: not an id); word: part of a name (null: not a name).
select o.id, o.name, o.email, coalesce(o.is_active, false) as is_active, coalesce(o.is_available, false) as is_available,
       o.last_activity
from operators o
where o.id between :'low'::uuid and :'high'::uuid
   or position(pg_catalog.lower(:'word'::text) in pg_catalog.lower(o.name)) > 0
   or position(pg_catalog.lower(:'word'::text) in pg_catalog.lower(o.email)) > 0
order by (pg_catalog.lower(o.name) = pg_catalog.lower(:'word'::text) or pg_catalog.lower(o.email) = pg_catalog.lower(:'word'::text)) desc nulls last, o.name, o.id
limit 11
