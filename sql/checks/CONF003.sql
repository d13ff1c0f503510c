-- Is the queue paused?
-- code: CONF003
-- title: the queue is paused
-- title-one: the queue is paused by {set_by} ({because}); it goes on {until}
-- narrow: the queue is paused
-- severity: warning
-- critical: a user has waited for over a third of the promised time, or waits and the pause lasts for longer than that time
-- users-wait: yes
-- group: now
-- leads: yes
-- expected: operators who ask for a chat get one
-- why: somebody paused it, so that nobody gets a chat during a release
-- consequence: assign answers nobody; replies, messages and heartbeats go on, and users wait longer
-- help: resume
-- help-text: ask first whoever paused it; `log --action pause` says from which account
-- says: nobody answers
-- reads: chats, messages
-- limits: queue_sla_minutes
-- needs: chat_queue
-- if-absent: chatops.settings
-- unplanted: the deployed system cannot be paused
with waits as materialized (
  select pg_catalog.min(q.waiting_since) as oldest from chat_queue q
)
select s.set_by, s.set_at as paused_at, s.until, coalesce(s.reason, 'no reason given') as because,
       coalesce(w.oldest < now() - pg_catalog.make_interval(secs => 20::double precision * :'queue_sla_minutes'::double precision)
                or (w.oldest is not null
                    and s.until > now() + pg_catalog.make_interval(secs => 60::double precision * :'queue_sla_minutes'::double precision)),
                false) as critical
  from chatops.settings s
 cross join waits w
 where s.target_schema = current_schema()
   and s.key = 'pause'
   and s.until > now()
