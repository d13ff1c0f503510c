create or replace function assign_chat_to_operator(p_operator_id uuid) returns uuid language plpgsql security definer as $$
declare
  v_chat uuid;
begin
  select id into v_chat from chats where chat_state = 'waiting_assignment' order by created_at limit 1;
  return v_chat;
end
$$;
