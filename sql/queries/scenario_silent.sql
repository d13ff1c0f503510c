-- The holder of a made-up chat has been silent for an hour, by every clock.
with held as (
  update chats set assignment_time = now() - interval '1 hour' where id = :'chat_id'::uuid
), heard as (
  delete from operator_activity where chat_id = :'chat_id'::uuid
)
update operators set last_activity = now() - interval '1 hour' where id = :'operator_id'::uuid
