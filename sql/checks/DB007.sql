-- Do the published read functions run, and does should_keep_assignment answer as promised?
-- code: DB007
-- title: the published functions do not do what they promise ({count})
-- title-one: a published function does not do what it promises: {trouble}
-- severity: warning
-- group: schema
-- on-error: failed
-- expected: the read functions run, and should_keep_assignment keeps a chat exactly for the operator who is working on it
-- why: the function was replaced, or what it reads is gone
-- consequence: the guide's monitoring fails; an application that asks should_keep_assignment takes a chat from its operator when the user writes again
-- help: {mend}
-- help-sql: {remedy}
-- says: operator loses the chat; the deploy is not right
-- reads: chats, messages
select 'should_keep_assignment' as object,
       pg_catalog.format('(%s, %s) gives %s', coalesce(c.state, 'no state'),
              case when c.operator_id is null then 'nobody' else 'an operator' end, coalesce(c.answer::text, 'null')) as trouble,
       -- Since 021 nothing of ours asks it.
       case when exists (select 1 from pg_proc p join pg_namespace n on n.oid = p.pronamespace and n.nspname = current_schema()
                          where p.proname <> 'should_keep_assignment'
                            and pg_catalog.regexp_replace(p.prosrc::text, '--[^\n]*', '', 'g') ~ '\mshould_keep_assignment\M')
            then 'a second message costs an operator the chat'
            else 'nothing in this database calls it; where the application asks it, a second message costs an operator the chat' end as so
  from (
    select v.state, v.operator_id, v.wanted,
           should_keep_assignment('00000000-0000-0000-0000-000000000000', v.state, v.operator_id) as answer
      from (values ('assigned', '00000000-0000-0000-0000-000000000000'::uuid, true),
                   ('assigned', null, false),
                   ('waiting_assignment', '00000000-0000-0000-0000-000000000000', false),
                   ('waiting_real_user_reply', null, false),
                   ('completed', null, false)) as v (state, operator_id, wanted)
  ) as c
 where coalesce(c.answer, false) <> c.wanted
union all
select 'get_assignment_queue_status', 'gives ' || s.rows::text || ' rows instead of one', 'the guide''s monitoring is wrong'
  from (select pg_catalog.count(*) as rows from get_assignment_queue_status()) as s
 where s.rows <> 1
union all
-- Others count through it; here it must only be there, with the column that they read.
select 'chat_state_summary', 'counts less than nothing', null from chat_state_summary where false and count < 0
union all
-- More hours than any chat is old: it must run, and find nothing.
select 'detect_stuck_chats', 'finds ' || s.rows::text || ' chats stuck for 100 years', 'the guide''s monitoring is wrong'
  from (select pg_catalog.count(*) as rows from detect_stuck_chats(876000)) as s
 where s.rows > 0
