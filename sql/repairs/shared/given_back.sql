-- The end of a repair that takes chats from whoever has them: each waits for whom its messages say.
-- candidate: id, seen, found, answered and spoken_at; locked: began, to the reason of what is let go
'manual_release:repair' as reason
:locked_as_judged
), changed as (
  update chats c
     set :waiting_again
:letting_go
)
:mended_and_busy
