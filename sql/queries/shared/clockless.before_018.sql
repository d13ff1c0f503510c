-- Before the queue's clocks every chat that waits is told by its messages.
select null::timestamptz where false
