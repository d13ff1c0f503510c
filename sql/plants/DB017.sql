-- Plants DB017: an import switched off the trigger that keeps a chat's figures, and nobody switched it on again.
do $plant$
declare
  v_trigger name := (
    select tgname from pg_trigger
     where tgrelid = 'messages'::regclass and not tgisinternal
     order by tgname <> 'update_chat_on_message', tgname
     limit 1);
begin
  execute format('alter table messages disable trigger %I', v_trigger);
end
$plant$;
