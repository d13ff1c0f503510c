-- A made-up operator on shift: a copy of one that is there, under a new key; everything of it is rolled back.
insert into operators
select (jsonb_populate_record(template.one, jsonb_build_object(
          'id', :'operator_id'::uuid, 'name', 'chatops scenario', 'email', :'operator_id'::text || '@chatops.invalid',
          'is_active', true, 'is_available', true, 'last_activity', clock_timestamp(), 'total_messages', 0,
          'created_at', now(), 'updated_at', now()))).*
  from (select (select o from operators as o limit 1) as one) as template
