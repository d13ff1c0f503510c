-- How many writes have the guards refused since they count, by reason?
\set refusal_counters `cat sql/queries/shared/refusal_counters.sql`
select case c.relname when 'refusals_late_reply' then 'late_reply' else 'operator_busy' end as reason, c.refusals
  from (:refusal_counters) as c
 where c.refusals > 0
 order by refusals desc, reason
