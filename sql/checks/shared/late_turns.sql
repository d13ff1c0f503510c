-- The assignments that touch the window or the half hour before it, in one pass: there is no index by time.
select id, chat_id, operator_id, assigned_at, released_at, release_reason
  from chat_assignments
 where released_at is null
    or released_at >= now() - :'since'::interval - interval '30 minutes'
    or assigned_at >= now() - :'since'::interval - interval '30 minutes'
