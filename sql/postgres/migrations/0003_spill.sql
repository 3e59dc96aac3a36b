-- Payloads of notify events whose envelope is over the 7 999 bytes that NOTIFY carries.

create table rowcast.spill (
  id uuid primary key,
  payload json not null,
  metadata json,
  created_at timestamptz not null
);

create index spill_age on rowcast.spill using brin (created_at);
