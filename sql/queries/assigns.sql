-- Is the function there that gives an operator the next chat?
select exists (select from pg_proc p
                where p.proname = 'assign_chat_to_operator'
                  and p.pronamespace = (select n.oid from pg_namespace n where n.nspname = current_schema()))
