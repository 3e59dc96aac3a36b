-- The log: every event stays, in the order of its position, until it is too old; groups remember how far they have read.

-- An event is for everybody, with an empty group, unless it names one: a dead letter of that group, which is to be delivered to it again.

-- Published and committed, or about to be, but without a position. Positions are given after the commit, since those
-- given before it become visible out of order, and whoever reads past a gap loses what fills it later.
create table rowcast.log_incoming (
  id uuid not null,
  channel text not null,
  consumer_group text not null default '',
  payload json not null,
  metadata json,
  created_at timestamptz not null,
  primary key (id, consumer_group)
) with (
  autovacuum_vacuum_scale_factor = 0.05,
  autovacuum_vacuum_cost_delay = 0
);

create table rowcast.log (
  channel text not null,
  consumer_group text not null default '',
  position bigint not null,
  id uuid not null,
  payload json not null,
  metadata json,
  created_at timestamptz not null,
  primary key (channel, position)
);

-- The last position that was given. Whoever gives the next ones locks this row, so that no two can; it is data, so that
-- a dump that is restored elsewhere goes on where it was.
create table rowcast.log_head (
  id integer primary key check (id = 1),
  position bigint not null
) with (fillfactor = 50);

insert into rowcast.log_head (id, position) values (1, 0)
on conflict do nothing;

-- How far each group has read each channel, who reads for it, and how often readers died at the event that comes next.
-- The previous holder's token and checkpoint are kept, so that it can ask whether its last write was stored.
create table rowcast.checkpoint (
  channel text not null,
  consumer_group text not null,
  position bigint not null,
  attempts integer not null,
  lease_token uuid,
  lease_expires_at timestamptz,
  consumer text,
  former_token uuid,
  former_position bigint,
  updated_at timestamptz not null,
  primary key (channel, consumer_group)
) with (fillfactor = 50);

-- How far retention has deleted each channel. A reader who asks for what comes after an earlier position has missed some.
create table rowcast.log_tail (
  channel text primary key,
  position bigint not null
);
