create or replace view public.chat_overview as select id, is_active from public.chats;
