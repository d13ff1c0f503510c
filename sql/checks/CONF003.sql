-- Is the queue paused?
-- code: CONF003
-- title: the queue is paused
-- title-one: the queue is paused by {set_by} ({because}); it goes on {until}
-- narrow: the queue is paused
-- severity: warning
-- users-wait: yes
-- group: now
-- leads: yes
-- expected: operators who ask for a chat get one
-- why: somebody paused it, so that nobody gets a chat during a release
-- consequence: assign answers nobody; replies, messages and heartbeats go on, and users wait longer
-- help: resume
-- help-text: ask first whoever paused it; `log --action pause` says from which account
-- says: nobody answers
-- if-absent: chatops.settings
-- unplanted: the deployed system cannot be paused
select s.set_by, s.set_at as paused_at, s.until, coalesce(s.reason, 'no reason given') as because
  from chatops.settings s
 where s.target_schema = current_schema()
   and s.key = 'pause'
   and s.until > now()
