-- Until when is the queue paused, as assign itself knows it? It reads as the tables' owner.
select paused_until() as until
