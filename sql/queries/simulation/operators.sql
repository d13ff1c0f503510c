-- The simulated shift: so many operators, all of them available.
insert into operators (name, is_active, is_available)
select 'operator-' || n::text, true, true from pg_catalog.generate_series(1, :'count'::int) as n
returning id
