-- Locks these operators until the transaction ends, those that nobody else has locked.
-- operators: their ids
select o.id as operator_id
from operators o
where o.id = any(:'operators'::uuid[])
for no key update of o skip locked
