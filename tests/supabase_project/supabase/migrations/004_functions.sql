create or replace function public.touch() returns trigger language plpgsql as $$
begin
  new.created_at = coalesce(new.created_at, now()); -- a ; and 'quotes' inside
  return new;
end
$$;
create trigger chats_touch before insert on public.chats for each row execute function public.touch();

create or replace function assign_chat_to_operator(p_operator_id uuid) returns uuid language plpgsql security definer as $$
begin
  return null;
end
$$;
