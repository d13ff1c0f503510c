-- A made-up user: a copy of one that is there, under a new key; rolled back.
insert into real_users
select (jsonb_populate_record(template.one, jsonb_build_object(
          'id', :'user_id'::uuid, 'name', 'chatops scenario', 'email', :'user_id'::text || '@chatops.invalid',
          'username', 'chatops-' || :'user_id'::text, 'created_at', now(), 'updated_at', now()))).*
  from (select (select u from real_users as u limit 1) as one) as template
