-- Plants DB024: row level security was switched off to look for an error, and its policy stayed.
create policy profiles_read on fictional_users for select using (true);
