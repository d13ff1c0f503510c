-- Which operators are on shift, hold nothing and were not heard of for long?
-- code: OPER003
-- title: {count} operators are on shift and silent for over {silent_minutes} min
-- title-one: 1 operator is on shift and silent for over {silent_minutes} min
-- severity: warning
-- advice: at most half of those who are free are silent
-- group: now
-- expected: who is available was heard of lately
-- why: the operator left without switching to away, or their page has stopped asking for chats
-- consequence: they count as free, so the queue looks better staffed than it is
-- help: operators
-- help-text: `drain --where OPER003 --dry-run` takes them off shift (a person decides, who asks whether they are there), `drain {operator_id} --dry-run` the first of them
-- says: users wait too long
-- reads: operators, chats, operator_activity
-- limits: silent_minutes
-- needs: operator_load
-- limit: silent_minutes = 30 min, 1 to 1000000: an operator on shift who was not heard of for so long
select f.operator_id, f.operator, f.last_seen_at,
       pg_catalog.count(*) over () * 2::bigint <= f.free as advice
  from (
    select l.operator_id, l.name as operator, l.last_activity as last_seen_at, pg_catalog.count(*) over () as free
      from operator_load l
     where l.load = 'free'
  ) as f
 where f.last_seen_at is null
    or f.last_seen_at < now() - pg_catalog.make_interval(secs => 60::double precision * :'silent_minutes'::double precision)
 order by f.last_seen_at nulls first, f.operator_id
