-- Forgets the demo's plot.
drop table if exists pg_temp.demo_given, pg_temp.demo_setting, pg_temp.demo_operator, pg_temp.demo_chat, pg_temp.demo_turn,
                     pg_temp.demo_set_aside;
