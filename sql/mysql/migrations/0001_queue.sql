-- The queue by life stage: an event changes table as its life changes, so that the hot one stays small.
-- Here DDL obeys no transaction, so a table that is there is left alone and a migration that died half-way can run again.
-- Names and JSON are utf8mb4_bin, to compare by code point and keep what was written; ids and tokens are ASCII. JSON is
-- text: a `json` column would be checked and, on MySQL, rewritten. Times are UTC, by utc_timestamp(6).

-- The default is only for a row that a person inserts; record_migration gives the time in UTC.
create table if not exists rowcast_migrations (
  version integer not null,
  name varchar(255) not null,
  checksum varchar(255) not null,
  compatible_from integer not null,
  applied_at datetime(6) not null default current_timestamp(6),
  primary key (version)
) engine = innodb row_format = dynamic default character set = utf8mb4 collate = utf8mb4_bin;

-- Ready or leased. The key is the claim order, the ack address and the order on disk. Lease columns are in no index, so
-- that a claim changes one place. An event that nobody has leased yet has a lease that is over rather than null: the row
-- is as long as a leased one, and a claim writes over it in place instead of splitting full pages.
create table if not exists rowcast_queue (
  channel varchar(255) not null,
  priority smallint not null,
  id char(36) character set ascii collate ascii_bin not null,
  payload longtext not null,
  metadata longtext,
  dedupe_key varchar(255),
  attempts integer not null,
  max_attempts integer not null,
  created_at datetime(6) not null,
  available_at datetime(6) not null,
  lease_token char(36) character set ascii collate ascii_bin default '00000000-0000-0000-0000-000000000000',
  lease_expires_at datetime(6) default '1970-01-01 00:00:00',
  last_error mediumtext,
  primary key (channel, priority, id)
) engine = innodb row_format = dynamic default character set = utf8mb4 collate = utf8mb4_bin;

-- Delayed, or waiting for its next attempt.
create table if not exists rowcast_scheduled (
  id char(36) character set ascii collate ascii_bin not null,
  channel varchar(255) not null,
  priority smallint not null,
  payload longtext not null,
  metadata longtext,
  dedupe_key varchar(255),
  attempts integer not null,
  max_attempts integer not null,
  created_at datetime(6) not null,
  available_at datetime(6) not null,
  last_error mediumtext,
  primary key (id),
  key rowcast_scheduled_due (channel, available_at)
) engine = innodb row_format = dynamic default character set = utf8mb4 collate = utf8mb4_bin;

-- Settled for good, kept for the retention time.
create table if not exists rowcast_history (
  id char(36) character set ascii collate ascii_bin not null,
  channel varchar(255) not null,
  priority smallint not null,
  payload longtext not null,
  metadata longtext,
  attempts integer not null,
  outcome varchar(255) not null,
  reason mediumtext,
  consumer text,
  lease_token char(36) character set ascii collate ascii_bin,
  created_at datetime(6) not null,
  settled_at datetime(6) not null,
  primary key (id),
  key rowcast_history_age (settled_at)
) engine = innodb row_format = dynamic default character set = utf8mb4 collate = utf8mb4_bin;

-- Gave up, until a person decides. A log's group has dead letters of its own; a queue's have the empty group.
create table if not exists rowcast_dead_letter (
  id char(36) character set ascii collate ascii_bin not null,
  consumer_group varchar(255) not null default '',
  channel varchar(255) not null,
  priority smallint not null,
  payload longtext not null,
  metadata longtext,
  dedupe_key varchar(255),
  attempts integer not null,
  max_attempts integer not null,
  created_at datetime(6) not null,
  died_at datetime(6) not null,
  error mediumtext not null,
  primary key (id, consumer_group),
  key rowcast_dead_letter_channel (channel, id, consumer_group)
) engine = innodb row_format = dynamic default character set = utf8mb4 collate = utf8mb4_bin;

-- The dedupe keys of live events, whichever table those are in.
create table if not exists rowcast_dedupe (
  channel varchar(255) not null,
  dedupe_key varchar(255) not null,
  id char(36) character set ascii collate ascii_bin not null,
  primary key (channel, dedupe_key)
) engine = innodb row_format = dynamic default character set = utf8mb4 collate = utf8mb4_bin;

-- Which retention times the applications on these tables ask for: the longest holds.
create table if not exists rowcast_retention (
  kind varchar(255) character set ascii collate ascii_bin not null,
  retention_ms bigint not null,
  drop_unread tinyint not null,
  seen_at datetime(6) not null,
  primary key (kind, retention_ms, drop_unread)
) engine = innodb row_format = dynamic default character set = utf8mb4 collate = utf8mb4_bin;
