-- Which operators answer more in an hour than one person can with care?
-- code: OPER004
-- title: {count} operators are overloaded
-- title-one: 1 operator is overloaded: {replies} replies within an hour
-- severity: advice
-- group: now
-- expected: nobody answers more in the last hour than one person can with care
-- why: too few operators are on shift, or several people share one account
-- consequence: answers get short, and shared accounts make every figure per operator wrong
-- help: operators
-- help-text: a person decides: call more operators in (`operators --figures` says who works how much), and give each person an account
-- says: stats seem wrong
-- reads: chats, messages, operators
-- limits: busiest_replies_per_hour
-- limit: busiest_replies_per_hour = 120 a h, 1 to 1000000: more replies in an hour than one person gives with care
select busy.operator_id, o.name as operator, busy.replies
  from (
    select m.handled_by_operator_id as operator_id, pg_catalog.count(*) as replies
      from chats c
      join messages m on m.chat_id = c.id and m.created_at >= now() - interval '1 hour'
     where c.last_message_at >= now() - interval '1 hour'
       and m.sender_type::text = 'fictional'
       and m.handled_by_operator_id is not null
     group by m.handled_by_operator_id
    having pg_catalog.count(*)::numeric > :'busiest_replies_per_hour'::numeric
  ) as busy
  left join operators o on o.id = busy.operator_id
 order by busy.replies desc, busy.operator_id
