-- How often have the guards refused somebody since the last look?
-- code: OPER005
-- title: the guards refused writes
-- title-one: the guards refused {told}
-- severity: advice
-- group: now
-- expected: few writes are refused: the application shows operators what they may still do
-- why: an operator answers in a page that has not heard that the chat went to a colleague, or an admin moves a chat to
--   somebody who holds another one
-- consequence: such an answer is not sent; the operator must be told so
-- help: guard
-- help-text: a person decides: let those operators reload their page: the chat went to a colleague
-- says: an answer was refused
-- if-absent: chatops.watches
-- unplanted: the deployed system has no guards to refuse anybody
-- The counters only grow. What there was at the last look of `monitor --store` has been told; without one, all is new.
\set refusal_counters `cat sql/queries/shared/refusal_counters.sql`
with counted as (
  select coalesce(pg_catalog.sum(c.refusals) filter (where c.relname = 'refusals_late_reply'), 0) as late_replies,
         coalesce(pg_catalog.sum(c.refusals) filter (where c.relname = 'refusals_operator_busy'), 0) as moves_to_busy
    from (:refusal_counters) as c
)
select counted.late_replies + counted.moves_to_busy - told.refusals as times,
       counted.late_replies,
       counted.moves_to_busy,
       pg_catalog.concat_ws(' and ', case when counted.late_replies > 0::numeric then counted.late_replies::text || case when counted.late_replies = 1::numeric then ' late reply' else ' late replies' end end,
                            case when counted.moves_to_busy > 0::numeric then counted.moves_to_busy::text || case when counted.moves_to_busy = 1::numeric then ' move' else ' moves' end || ' to a busy operator' end) as told
  from counted
 cross join lateral (
   select coalesce((select (w.state -> 'ticks'::text -> -1 -> 'figures'::text ->> 'refusals'::text)::numeric
                      from chatops.watches w
                     where w.target_schema = current_schema()), 0) as refusals
 ) as told
 where counted.late_replies + counted.moves_to_busy > told.refusals
