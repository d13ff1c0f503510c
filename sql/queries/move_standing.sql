-- How do these chats stand: what a plan remembers of each, and the state that its messages say.
-- chats: their ids. epoch: the version of who holds it; before 018 the instant of the last assignment or reply stands in.
-- by_messages: waiting_assignment when the user spoke last or nobody spoke, waiting_real_user_reply when we did.
-- asked: a user message waits for an answer; loose: open assignments and activity rows that a release would remove;
-- releases: how often it was given back since the last reply, where count_releases asks for it.
\set newest_message `cat sql/queries/shared/newest_message$BEFORE_018.sql`
\set releases_without_reply `cat sql/queries/shared/releases_without_reply$BEFORE_018.sql`
\set epoch `cat sql/queries/shared/epoch$BEFORE_018.sql`
select c.id as chat_id, c.chat_state, coalesce(c.is_active, true) as is_active, c.assigned_operator_id as operator_id,
       c.last_operator_id,
       :epoch as epoch,
       case when newest.sender_type::text = 'fictional' then 'waiting_real_user_reply' else 'waiting_assignment' end as by_messages,
       coalesce(newest.sender_type::text = 'real', false) as asked,
       (select pg_catalog.count(*) from chat_assignments a where a.chat_id = c.id and a.released_at is null)
         + (select pg_catalog.count(*) from operator_activity v where v.chat_id = c.id) as loose,
       case when :'count_releases'::boolean then (:releases_without_reply) else 0 end as releases
from pg_catalog.unnest(:'chats'::uuid[]) with ordinality as given(id, place)
join chats c on c.id = given.id
left join lateral (:newest_message) newest on true
order by given.place
