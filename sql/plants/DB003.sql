-- Plants DB003: somebody dropped an index that "nobody used".
drop index idx_chats_last_operator;
