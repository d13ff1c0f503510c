-- Has a table any row, so that a column without NULL and without a default cannot come to it?
-- psql: \set table chats
select exists (select from :table)
