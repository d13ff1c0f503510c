-- Writes into the log that a psql session that may write was opened or closed; of what is run in it what was given on the command line.
-- action: psql opened, psql closed; detail: what it was given, how it ended
insert into chatops.actions (action, detail)
select :'action', :'detail'
returning id
