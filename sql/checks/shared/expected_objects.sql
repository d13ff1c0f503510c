-- The objects that must be there by the files which are in, as sql/catalog and the ledger tell them.
-- state: our own text went in (applied), somebody else's counts as it (adopted), nobody knows; definition: each property's possible texts;
-- vital: without it no message, reply or assignment comes through; stops: what that means.
select w.kind, w.name, w.of, w.migration, w.state, w.vital, w.stops, w.definition
  from pg_catalog.jsonb_to_recordset(:'expected'::jsonb) as w (kind text, name text, of text, migration text, state text, vital boolean, stops text, definition jsonb)
