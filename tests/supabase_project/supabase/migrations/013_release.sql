create or replace function release_and_reassign_chat(p_chat_id uuid, p_reason text default 'manual_release')
returns boolean language plpgsql as $$
begin
  return true;
end
$$;
