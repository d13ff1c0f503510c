-- One more user and the profile that they write to.
with newcomer as (insert into real_users (name) values ('user') returning id),
     profile as (insert into fictional_users (name) values ('profile') returning id)
select newcomer.id as real_user_id, profile.id as fictional_user_id from newcomer, profile
