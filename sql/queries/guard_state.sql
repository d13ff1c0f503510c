-- Are the guards on, until when are they off, who said so, and how many refusals were there in the last day?
select to_regclass('chatops.settings') is not null as has_settings,
       to_regclass('chatops.refusals') is not null as has_refusals,
       exists (select from pg_proc p where p.proname = 'guards_are_on' and p.pronamespace = current_schema()::regnamespace) as installed
