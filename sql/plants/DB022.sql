-- Plants DB022: a script granted everything on the schema to everybody.
do $plant$
begin
  execute format('grant create on schema %I to public', current_schema());
end
$plant$;
