-- The words of SQL itself: what two files have in common besides these, they may have to do with each other for.
select pg_catalog.array_agg(word) as words from pg_get_keywords();
