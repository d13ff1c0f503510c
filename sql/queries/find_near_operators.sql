-- Everybody who was perhaps meant by a name that is nobody's.
select o.id, o.name, o.email, coalesce(o.is_active, false) as is_active, coalesce(o.is_available, false) as is_available,
       o.last_activity
  from operators o
 order by o.last_activity desc nulls last, o.id
 limit 10000
