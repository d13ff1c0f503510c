-- Which chats of a plan are done already?
-- plan_id
select a.chat_id from chatops.actions a where a.plan_id = :'plan_id'::uuid and a.outcome = 'done' and a.undoes is null
