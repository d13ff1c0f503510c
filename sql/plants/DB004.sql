-- Plants DB004: an import tool made the instants of the heartbeats without a time zone.
-- not-in-demo: a later migration would not go over it
alter table operator_activity alter column last_activity type timestamp using last_activity at time zone 'UTC';
