-- Remembers a watch for a target schema: what stands in place of what stood, and the looks that are new.
-- state: the watch without its looks; ticks: the new ones; anew: whether those that were there belong to another watch
insert into chatops.watches as w (target_schema, state)
values (:'schema', :'state'::jsonb || pg_catalog.jsonb_build_object('ticks', :'ticks'::jsonb))
on conflict (target_schema) do update
   set state = case when :'anew'::boolean then excluded.state
                    else excluded.state || pg_catalog.jsonb_build_object('ticks', (w.state -> 'ticks'::text) || (excluded.state -> 'ticks'::text))
               end,
       written_at = excluded.written_at, written_by = excluded.written_by
