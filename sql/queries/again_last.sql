-- Which are the newest entries of the log about this file made again, as many as it was done in?
-- schema: the tenant's; file; most: one for its indexes, one for the rest
select a.id from chatops.actions a
 where a.target_schema = :'schema' and a.action = 'again' and a.row_id = :'file'
 order by a.id desc
 limit :'most'
