-- Synthetic: a small application as a Supabase project keeps it, with the habits of real ones.
create extension if not exists pg_trgm;
create type public.sender as enum ('real', 'fictional');

create table public.operators (
  id uuid primary key default gen_random_uuid(),
  name text not null,
  email text constraint operators_email_is_unique unique,
  is_active boolean default true,
  is_available boolean default false
);
create table public.users_old (id uuid primary key default gen_random_uuid(), name text);
create table if not exists public.chats (
  id uuid primary key default gen_random_uuid(),
  real_user_id uuid references public.users_old (id),
  assigned_operator_id uuid references public.operators (id) on delete set null,
  is_active boolean default true,
  created_at timestamptz default now(),
  constraint chats_age check (created_at is not null)
);
create table public.messages (
  id uuid primary key default gen_random_uuid(),
  chat_id uuid not null references public.chats (id) on delete cascade,
  from_whom public.sender not null,
  body text not null default '',
  created_at timestamptz default now()
);
