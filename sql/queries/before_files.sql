-- What was wrong in a schema right before the newest files went in, as `migrate` has kept it.
select s.value::text, s.set_at from chatops.settings as s where s.target_schema = :'schema' and s.key = 'before_files'
