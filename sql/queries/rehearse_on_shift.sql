-- How many operators would be kept waiting: those who are on shift now.
select pg_catalog.count(*) as operators from operators where is_active and is_available;
