-- Plants DB023: a report for the office, running with its owner's rights, by anybody, wherever the caller's path leads it.
create function operator_scores() returns table (operator_id uuid, answers bigint)
language sql
security definer
as $function$
  select handled_by_operator_id, count(*) from messages where handled_by_operator_id is not null group by 1
$function$;
grant execute on function operator_scores() to public;
