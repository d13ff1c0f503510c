-- Are the guards switched off?
-- code: CONF002
-- title: the guards are switched off
-- title-one: the guards are switched off by {set_by}; they come back {until}
-- narrow: the guards are switched off
-- severity: critical
-- group: now
-- leads: yes
-- expected: the guards against stale writes of the application are on
-- why: somebody used the emergency switch
-- consequence: late replies and direct writes of the state are accepted, as before the migrations: chats are lost and taken again
-- help: guard on
-- help-text: what came of it meanwhile: `diagnose --only meanwhile`
-- says: operator loses the chat
-- if-absent: chatops.settings
-- unplanted: the deployed system has no guards to switch off
select s.set_by, s.set_at as switched_at, s.until, s.reason
  from chatops.settings s
 where s.target_schema = current_schema()
   and s.key = 'guards'
   and s.value = '"off"'
   and (s.until is null or s.until > now())
