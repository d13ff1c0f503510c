-- Whom did the guards refuse, and why?
-- code: OPER005
-- title: {count} operators were refused by the guards
-- title-one: 1 operator was refused by the guards: {told}
-- severity: advice
-- group: now
-- kind: history
-- expected: few writes are refused: the application shows operators what they may still do
-- why: an operator answers in a page that has not heard that the chat went to a colleague, or an admin moves a chat to
--   somebody who holds another one
-- consequence: such an answer is not sent; the operator must be told so
-- help: guard
-- says: an answer was refused
-- reads: operators
-- if-absent: chatops.refusals
-- unplanted: the deployed system has no guards to refuse anybody
select r.operator_id,
       o.name as operator,
       sum(r.refusals) as times,
       case r.reason when 'late_reply' then 'this chat went to a colleague while you were writing; reload the page'
                     when 'operator_busy' then 'this operator is working on another chat; choose somebody who is free'
                     else r.reason end as told,
       max(r.hour) as last_hour_at
  from chatops.refusals r
  left join operators o on o.id = r.operator_id
 where r.target_schema in (current_schema(), '*')
   and r.hour >= date_trunc('hour', now() - :'since'::interval)
 group by r.operator_id, o.name, r.reason
 order by sum(r.refusals) desc, r.operator_id
