-- Writes into the log that a psql session that may write was opened or closed; nothing of what is run in it.
-- action: psql opened, psql closed; detail: how it ended
insert into chatops.actions (action, detail)
select :'action', :'detail'
returning id
