-- The queue by life stage: an event changes table as its life changes, so that the hot one stays small.
-- Times are epoch milliseconds, ids and tokens text. `without rowid` makes a table its own primary key: one tree to write
-- instead of two.

create table rowcast_migrations (
  version integer primary key,
  name text not null,
  checksum text not null,
  compatible_from integer not null,
  applied_at integer not null default (cast(unixepoch('subsec') * 1000 as integer))
) strict;

-- Ready or leased. The key is the claim order, the ack address and the order on disk. Lease columns are in no index, so
-- that a claim changes one place.
create table rowcast_queue (
  channel text not null,
  priority integer not null,
  id text not null,
  payload text not null,
  metadata text,
  dedupe_key text,
  attempts integer not null,
  max_attempts integer not null,
  created_at integer not null,
  available_at integer not null,
  lease_token text,
  lease_expires_at integer,
  last_error text,
  primary key (channel, priority, id)
) strict, without rowid;

-- Delayed, or waiting for its next attempt.
create table rowcast_scheduled (
  id text not null primary key,
  channel text not null,
  priority integer not null,
  payload text not null,
  metadata text,
  dedupe_key text,
  attempts integer not null,
  max_attempts integer not null,
  created_at integer not null,
  available_at integer not null,
  last_error text
) strict, without rowid;

create index rowcast_scheduled_due on rowcast_scheduled (channel, available_at);

-- Settled for good, kept for the retention time.
create table rowcast_history (
  id text not null primary key,
  channel text not null,
  priority integer not null,
  payload text not null,
  metadata text,
  attempts integer not null,
  outcome text not null,
  reason text,
  consumer text,
  lease_token text,
  created_at integer not null,
  settled_at integer not null
) strict, without rowid;

create index rowcast_history_age on rowcast_history (settled_at);

-- Gave up, until a person decides. A log's group has dead letters of its own; a queue's have the empty group.
create table rowcast_dead_letter (
  id text not null,
  consumer_group text not null default '',
  channel text not null,
  priority integer not null,
  payload text not null,
  metadata text,
  dedupe_key text,
  attempts integer not null,
  max_attempts integer not null,
  created_at integer not null,
  died_at integer not null,
  error text not null,
  primary key (id, consumer_group)
) strict, without rowid;

create index rowcast_dead_letter_channel on rowcast_dead_letter (channel, id);

-- The dedupe keys of live events, whichever table those are in.
create table rowcast_dedupe (
  channel text not null,
  dedupe_key text not null,
  id text not null,
  primary key (channel, dedupe_key)
) strict, without rowid;

-- Which retention times the applications on these tables ask for: the longest holds.
create table rowcast_retention (
  kind text not null,
  retention_ms integer not null,
  drop_unread integer not null,
  seen_at integer not null,
  primary key (kind, retention_ms, drop_unread)
) strict, without rowid;
