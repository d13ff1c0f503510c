-- Plants OPER001: an operator closed the tab with a chat in it, and the idle cron has not come by.
select pg_temp.hold(pg_temp.victim('3c', '30 minutes'), pg_temp.newcomer('Wanda Fort'), '19 minutes', '14 minutes');
