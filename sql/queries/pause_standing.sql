-- Until when is the queue of this schema paused, if it is?
select s.until from chatops.settings s
 where s.target_schema = current_schema() and s.key = 'pause' and s.until > now()
