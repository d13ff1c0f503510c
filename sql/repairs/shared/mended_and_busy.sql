-- What a batch of a repair answers: how many chats it changed, and which others hold, as they were found.
-- changed, candidate (id, found), locked: the CTEs before
select pg_catalog.jsonb_build_object(
         'mended', (select pg_catalog.count(*) from changed),
         'busy', (select coalesce(pg_catalog.jsonb_agg(k.found), '[]')
                    from candidate k where not exists (select from locked l where l.id = k.id)))
