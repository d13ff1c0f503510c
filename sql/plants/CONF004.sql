-- Plants CONF004: somebody took the seconds for minutes, and an operator's own chat waits a week for somebody else.
insert into platform_config (key, value) values ('own_chat_after_seconds', '604800')
on conflict (key) do update set value = excluded.value;
