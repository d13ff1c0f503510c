-- Plants DB031: nobody was to be deactivated any more until the wages are paid, and nobody took that back.
-- also: DB030
do $plant$
begin
  execute format('alter table operators add constraint nobody_leaves check (is_active or last_activity < %L)', now());
end
$plant$;
