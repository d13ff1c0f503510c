do $$
begin
  create type public.mood as enum ('calm', 'cross');
exception
  when duplicate_object then null;
end
$$;
alter type public.mood add value if not exists 'delighted';
