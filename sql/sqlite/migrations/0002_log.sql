-- The log: every event stays, in the order of its position, until it is too old; groups remember how far they have read.

-- An event is for everybody, with an empty group, unless it names one: a dead letter of that group, which is to be delivered to it again.
-- There is one writer, so the order of inserts is the order of commits, and a position can be given on the way in, as it
-- cannot elsewhere. `autoincrement` keeps a position from coming back once retention has deleted the last one.
create table rowcast_log (
  position integer primary key autoincrement,
  channel text not null,
  consumer_group text not null default '',
  id text not null,
  payload text not null,
  metadata text,
  created_at integer not null
) strict;

-- The group is in it for who counts what a group has before it: else each event would have to be looked up.
create index rowcast_log_channel on rowcast_log (channel, position, consumer_group);

-- How far each group has read each channel, who reads for it, and how often readers died at the event that comes next.
-- The previous holder's token and checkpoint are kept, so that it can ask whether its last write was stored.
create table rowcast_checkpoint (
  channel text not null,
  consumer_group text not null,
  position integer not null,
  attempts integer not null,
  lease_token text,
  lease_expires_at integer,
  consumer text,
  former_token text,
  former_position integer,
  updated_at integer not null,
  primary key (channel, consumer_group)
) strict, without rowid;

-- How far retention has deleted each channel. A reader who asks for what comes after an earlier position has missed some.
create table rowcast_log_tail (
  channel text not null primary key,
  position integer not null
) strict, without rowid;
