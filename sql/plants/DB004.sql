-- Plants DB004: an import tool made the instants at which operators got their chats without a time zone.
-- not-in-demo: a later migration would not go over it
alter table chat_assignments alter column assigned_at type timestamp using assigned_at at time zone current_setting('TimeZone');
