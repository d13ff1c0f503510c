-- What the shipped files need in schema chatops for every tenant alike: made once before they run side by side.
create sequence if not exists chatops.queue_returns;
