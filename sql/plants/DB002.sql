-- Plants DB002: a policy that lets everybody write every heartbeat.
alter table operator_activity enable row level security;
create policy "heartbeats" on operator_activity for all using (true) with check (true);
