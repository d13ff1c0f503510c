-- What puts the unique key of a pair back: messages and turns of ended chats move to the chat of the pair that goes on; the empty chat goes.
-- It goes on in the open one, else in the one that was written into last. psql: \set put_back 'alter table chats add constraint ...;'
begin;
set local chatops.write to 'function';
create temporary table merging on commit drop as
  select c.id, c.goes_on
    from (
      select c.id, pg_catalog.first_value(c.id) over (partition by c.real_user_id, c.fictional_user_id
                                                      order by c.is_active desc nulls last, c.last_message_at desc nulls last, c.id) as goes_on
        from chats c
       where c.real_user_id is not null and c.fictional_user_id is not null
    ) as c
   where c.id <> c.goes_on;
update messages m set chat_id = g.goes_on from merging g where m.chat_id = g.id;
update chat_assignments a set chat_id = g.goes_on from merging g where a.chat_id = g.id;
delete from operator_activity v using merging g where v.chat_id = g.id;
delete from chats c using merging g where c.id = g.id;
update chats c set message_count = said.messages, last_message_at = said.newest
  from (
    select m.chat_id, pg_catalog.count(*) as messages, pg_catalog.max(m.created_at) as newest
      from messages m where m.chat_id in (select g.goes_on from merging g) group by m.chat_id
  ) as said
 where c.id = said.chat_id;
:put_back
commit;
