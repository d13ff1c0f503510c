-- The same objects as in expected_objects, for who asks what is ours and not how it is made: a quarter of the text.
-- definition: of functions that were adopted their possible bodies; of all others only whether any property is known, and one named definition.
-- migration: of functions that were adopted.
select w.kind, w.name, coalesce(w.state, 'applied') as state, coalesce(w.vital, false) as vital, w.migration, coalesce(w.definition, '{}') as definition
  from pg_catalog.jsonb_to_recordset(:'expected_by_name'::jsonb) as w (kind text, name text, state text, vital boolean, migration text, definition jsonb)
