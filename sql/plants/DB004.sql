-- Plants DB004: an import tool made the instants at which operators got their chats without a time zone.
-- also: DB018
-- not-in-demo: a later migration would not go over it
do $plant$
declare
  v_guarded text;
begin
  -- On the newest schema it has taken the view away that keeps such a column as it is, and put it back.
  if to_regclass('guarded_columns') is not null then
    v_guarded := pg_get_viewdef('guarded_columns'::regclass);
    drop view guarded_columns;
  end if;
  alter table chat_assignments alter column assigned_at type timestamp using assigned_at at time zone current_setting('TimeZone');
  if v_guarded is not null then
    execute 'create view guarded_columns with (security_invoker = true) as ' || v_guarded;
  end if;
end
$plant$;
