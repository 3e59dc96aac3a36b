-- The queue by life stage: an event changes table as its life changes, so that the hot one stays small.

create table rowcast.migrations (
  version integer primary key,
  name text not null,
  checksum text not null,
  compatible_from integer not null,
  applied_at timestamptz not null default now()
);

-- Ready or leased. The key is the claim order and the ack address. Lease columns are in no index and pages are half
-- empty, so that a claim is a heap-only (HOT) update.
create table rowcast.queue (
  channel text not null,
  priority smallint not null,
  id uuid not null,
  payload json not null,
  metadata json,
  dedupe_key text,
  attempts integer not null,
  max_attempts integer not null,
  created_at timestamptz not null,
  available_at timestamptz not null,
  lease_token uuid,
  lease_expires_at timestamptz,
  last_error text,
  primary key (channel, priority, id)
) with (
  fillfactor = 50,
  autovacuum_vacuum_scale_factor = 0.05,
  autovacuum_vacuum_cost_delay = 0
);

-- Delayed, or waiting for its next attempt.
create table rowcast.scheduled (
  id uuid primary key,
  channel text not null,
  priority smallint not null,
  payload json not null,
  metadata json,
  dedupe_key text,
  attempts integer not null,
  max_attempts integer not null,
  created_at timestamptz not null,
  available_at timestamptz not null,
  last_error text
);

create index scheduled_due on rowcast.scheduled (channel, available_at);

-- Settled for good, kept for the retention time. Rows arrive in the order of settled_at, which is what brin is for.
create table rowcast.history (
  id uuid primary key,
  channel text not null,
  priority smallint not null,
  payload json not null,
  metadata json,
  attempts integer not null,
  outcome text not null,
  reason text,
  consumer text,
  lease_token uuid,
  created_at timestamptz not null,
  settled_at timestamptz not null
);

create index history_age on rowcast.history using brin (settled_at);

-- Gave up, until a person decides. A log's group has dead letters of its own; a queue's have the empty group.
create table rowcast.dead_letter (
  id uuid not null,
  consumer_group text not null default '',
  channel text not null,
  priority smallint not null,
  payload json not null,
  metadata json,
  dedupe_key text,
  attempts integer not null,
  max_attempts integer not null,
  created_at timestamptz not null,
  died_at timestamptz not null,
  error text not null,
  primary key (id, consumer_group)
);

create index dead_letter_channel on rowcast.dead_letter (channel, id);

-- The dedupe keys of live events, whichever table those are in.
create table rowcast.dedupe (
  channel text not null,
  dedupe_key text not null,
  id uuid not null,
  primary key (channel, dedupe_key)
);

-- Which retention times the applications on these tables ask for: the longest holds.
create table rowcast.retention (
  kind text not null,
  retention_ms bigint not null,
  drop_unread boolean not null,
  seen_at timestamptz not null,
  primary key (kind, retention_ms, drop_unread)
);
