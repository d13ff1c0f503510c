-- Plants CHAT013: an operator has had a chat for hours; the tab is open and sends its heartbeats.
select pg_temp.hold(pg_temp.victim('a0', '3 hours 40 minutes'), pg_temp.newcomer('Gerda Lang'), '3 hours 20 minutes');
