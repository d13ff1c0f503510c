-- Which refusals were there lately, for whom and why? They wait in sequences until somebody collects them.
select r.reason, r.operator_id, o.name as operator_name, sum(r.refusals)::bigint as refusals, max(r.hour) as last_hour
from chatops.refusals r
left join operators o on o.id = r.operator_id
where r.target_schema in (current_schema(), '*') and r.hour > now() - :'since'::interval
group by r.reason, r.operator_id, o.name
order by refusals desc, r.reason
