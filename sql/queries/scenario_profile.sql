-- A made-up profile: a copy of one that is there, under a new key; rolled back.
insert into fictional_users
select (jsonb_populate_record(template.one, jsonb_build_object(
          'id', :'profile_id'::uuid, 'name', 'chatops scenario', 'created_at', now(), 'updated_at', now()))).*
  from (select (select p from fictional_users as p limit 1) as one) as template
