-- Which chats should somebody read again? Closed by the limit, ended although the user spoke last, opened again, or given back
-- again and again without an answer: each by the first of these that is so, the newest first.
-- since: an instant. bounced: how many turns without an answer are too many; max_reassignments: the limit; reopened, reopened_at,
-- reopened_by: the chats that were opened again, when and by whom
\set chats_with_clocks `cat sql/queries/shared/chats_with_clocks$BEFORE_018.sql`
with back as materialized (
  -- Who came back without an answer in that time.
  select distinct a.chat_id from chat_assignments a
   where a.released_at >= :'since'::timestamptz and a.release_reason::text is distinct from 'operator_sent_message'
), reopened as materialized (
  select r.chat_id, r.at, r.who
    from unnest(:'reopened'::uuid[], :'reopened_at'::timestamptz[], :'reopened_by'::text[]) as r (chat_id, at, who)
), recent as (
  select c.id, c.real_user_id, c.fictional_user_id, c.chat_state::text as chat_state, c.assigned_operator_id, c.state_since,
         c.closed_reason::text as closed_reason, c.chat_state::text = 'completed' or c.is_active is false as is_over
    from :chats_with_clocks as c
   where c.last_message_at >= :'since'::timestamptz
      or (c.chat_state::text = 'completed' or c.is_active is false) and c.state_since >= :'since'::timestamptz
      or c.id in (select b.chat_id from back b)
      or c.id in (select r.chat_id from reopened r)
), told as (
  select n.*, said.created_at as user_wrote_at, coalesce(said.sender_type::text = 'real', false) as user_spoke_last, r.at as reopened_at, r.who as reopened_by,
         b.chat_id is not null as came_back
    from recent n
    left join lateral (
      select m.sender_type, m.created_at from messages m where m.chat_id = n.id order by m.created_at desc limit 1
    ) said on true
    left join reopened r on r.chat_id = n.id
    left join back b on b.chat_id = n.id
), counted as (
  select t.*, coalesce(turned.turns, 0) as turns, coalesce(turned.operators, 0) as operators, turned.first_back, turned.last_back
    from told t
    left join lateral (
      select pg_catalog.count(*) as turns, pg_catalog.count(distinct a.operator_id) as operators,
             pg_catalog.min(a.released_at) as first_back, pg_catalog.max(a.released_at) as last_back
        from chat_assignments a
       where a.chat_id = t.id and a.released_at is not null
         and a.release_reason::text is distinct from 'operator_sent_message'
         and a.assigned_at > coalesce((select pg_catalog.max(r.created_at) from messages r
                                        where r.chat_id = t.id and r.sender_type::text = 'fictional'), '-infinity')
    ) turned on t.user_spoke_last and (t.came_back or t.is_over or t.reopened_at is not null)
), judged as (
  select c.*,
         case when c.is_over and c.chat_state = 'completed'
                   and case when c.closed_reason is not null then c.closed_reason = 'max_reassignments'
                            -- Before there was a reason: as many turns as the limit allows, and the last without an answer.
                            else (select pg_catalog.count(*) from chat_assignments a where a.chat_id = c.id and a.released_at is not null)::numeric
                                   >= :'max_reassignments'::numeric
                                 and (select a.release_reason::text is distinct from 'operator_sent_message' from chat_assignments a
                                       where a.chat_id = c.id and a.released_at is not null
                                       order by a.released_at desc, a.assigned_at desc, a.id desc limit 1) end then 'limit'
              when c.is_over and c.user_spoke_last then 'ended'
              when not c.is_over and c.reopened_at is not null then 'reopened'
              when not c.is_over and c.came_back and c.turns >= :'bounced'::bigint then 'bounced' end as reason
    from counted c
)
select j.id as chat_id, j.reason, u.name as user_name, f.name as profile_name, j.chat_state,
       case j.reason when 'reopened' then j.reopened_at when 'bounced' then j.first_back
                     else coalesce(case when j.chat_state = 'completed' then j.state_since end, j.last_back, j.user_wrote_at) end as since,
       case when j.user_spoke_last then j.user_wrote_at end as user_wrote_at, j.turns, j.operators,
       j.assigned_operator_id as operator_id, o.name as operator_name, case when j.reason = 'reopened' then j.reopened_by end as reopened_by
from judged j
left join real_users u on u.id = j.real_user_id
left join fictional_users f on f.id = j.fictional_user_id
left join operators o on o.id = j.assigned_operator_id
where j.reason is not null
order by since desc nulls last, j.id
