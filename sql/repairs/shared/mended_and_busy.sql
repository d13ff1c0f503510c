-- What a batch of a repair answers: how many chats it changed, and which others hold. changed, candidate, locked: the CTEs before
select pg_catalog.jsonb_build_object(
         'mended', (select pg_catalog.count(*) from changed),
         'busy', (select coalesce(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('chat_id', k.id)), '[]')
                    from candidate k where not exists (select from locked l where l.id = k.id)))
