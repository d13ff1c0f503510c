-- The search path that this role's sessions have of their own, the schemas of it that exist, in its order, and all that exist.
select setting, (select pg_catalog.array_agg(nspname::text) from pg_namespace) as all_schemas,
       (select pg_catalog.array_agg(n.nspname::text order by named.at)
          from pg_catalog.unnest(pg_catalog.string_to_array(setting, ',')) with ordinality as named (name, at)
          join pg_namespace as n
            on n.nspname = case pg_catalog.btrim(named.name) when '"$user"' then current_user::text when '$user' then current_user::text
                                else pg_catalog.btrim(pg_catalog.btrim(named.name), '"') end) as schemas
  from (select reset_val as setting from pg_settings where name = 'search_path') as own;
