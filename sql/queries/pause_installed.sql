-- Does assign look whether the queue is paused?
select exists (select from pg_proc p
                 join pg_namespace n on n.oid = p.pronamespace
                where p.proname = 'paused_until' and n.nspname = current_schema()) as installed
