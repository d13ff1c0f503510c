-- Plants OPER001: an operator closed the tab with a chat in it, and the idle cron has not come by.
select pg_temp.hold(pg_temp.victim('48', '50 minutes'), pg_temp.newcomer('Wanda Fort'), '38 minutes', '34 minutes');
