-- What keeps each operator from one chat: inactive, away, busy, was last; or nothing, then they are free.
-- needs: operator_load
select l.operator_id, l.name, l.last_activity,
       case when not l.is_active then 'inactive'
            when l.load = 'busy' then 'busy'
            when l.load = 'away' then 'away'
            when l.operator_id = (select c.last_operator_id from chats c where c.id = :'chat'::uuid) then 'was last'
            else 'free' end as rule
  from operator_load l
 order by l.name, l.operator_id
