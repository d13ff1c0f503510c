-- Which operators may somebody be about to name, and what do they do now?
-- needs: operator_load
select l.operator_id, l.load, l.name
  from operator_load l
 order by l.is_active desc, l.load, l.name, l.operator_id
 limit :'most'::bigint
