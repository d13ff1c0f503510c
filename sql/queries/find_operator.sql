-- Which operators could be meant: by full id, by the beginning of an id, or by part of the name or e-mail?
-- Whose name or e-mail it is first, then who works, then who was seen last; total: how many there are.
-- low, high: the range of ids that begin so (null: not an id); word: part of a name (null: not a name); most: how many
select o.id, o.name, o.email, coalesce(o.is_active, false) as is_active, coalesce(o.is_available, false) as is_available,
       o.last_activity, pg_catalog.count(*) over () as total
from operators o
where o.id between :'low'::uuid and :'high'::uuid
   or position(pg_catalog.lower(:'word'::text) in pg_catalog.lower(o.name)) > 0
   or position(pg_catalog.lower(:'word'::text) in pg_catalog.lower(o.email)) > 0
order by (pg_catalog.lower(o.name) = pg_catalog.lower(:'word'::text) or pg_catalog.lower(o.email) = pg_catalog.lower(:'word'::text)) desc nulls last,
         o.is_active is true desc, o.is_available is true desc, o.last_activity desc nulls last, o.id
limit :'most'::bigint
