-- Records that a file's functions, views and indexes were made again, with their definitions before and after.
insert into chatops.actions (target_schema, action, row_id, before, after)
select :'target_schema', 'again', :'file', pg_catalog.current_setting('chatops.before')::jsonb, pg_catalog.current_setting('chatops.after')::jsonb;
