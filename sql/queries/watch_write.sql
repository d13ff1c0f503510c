-- Remembers a watch for a target schema in place of the last one.
insert into chatops.watches as w (target_schema, state)
values (:'schema', :'state'::jsonb)
on conflict (target_schema) do update
   set state = excluded.state, written_at = excluded.written_at, written_by = excluded.written_by
