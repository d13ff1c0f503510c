-- Are there guards, and settings that could switch them off?
select pg_catalog.to_regclass('chatops.settings') is not null as has_settings,
       exists (select from pg_proc p
                 join pg_namespace n on n.oid = p.pronamespace
                where p.proname = 'guards_are_on' and n.nspname = current_schema()) as installed
