-- The log: every event stays, in the order of its position, until it is too old; groups remember how far they have read.

-- An event is for everybody, with an empty group, unless it names one: a dead letter of that group, which is to be delivered to it again.

-- Published and committed, or about to be, but without a position. Positions are given after the commit, since those
-- given before it become visible out of order, and whoever reads past a gap loses what fills it later.
create table if not exists rowcast_log_incoming (
  id char(36) character set ascii collate ascii_bin not null,
  channel varchar(255) not null,
  consumer_group varchar(255) not null default '',
  payload longtext not null,
  metadata longtext,
  created_at datetime(6) not null,
  primary key (id, consumer_group)
) engine = innodb row_format = dynamic default character set = utf8mb4 collate = utf8mb4_bin;

create table if not exists rowcast_log (
  channel varchar(255) not null,
  consumer_group varchar(255) not null default '',
  `position` bigint not null,
  id char(36) character set ascii collate ascii_bin not null,
  payload longtext not null,
  metadata longtext,
  created_at datetime(6) not null,
  primary key (channel, `position`)
) engine = innodb row_format = dynamic default character set = utf8mb4 collate = utf8mb4_bin;

-- The last position that was given. Whoever gives the next ones locks this row, so that no two can; it is data, so that
-- a dump that is restored elsewhere goes on where it was.
create table if not exists rowcast_log_head (
  id integer not null,
  `position` bigint not null,
  primary key (id)
) engine = innodb row_format = dynamic default character set = utf8mb4 collate = utf8mb4_bin;

insert into rowcast_log_head (id, `position`)
values (1, 0)
on duplicate key update id = rowcast_log_head.id;

-- How far each group has read each channel, who reads for it, and how often readers died at the event that comes next.
-- The previous holder's token and checkpoint are kept, so that it can ask whether its last write was stored.
create table if not exists rowcast_checkpoint (
  channel varchar(255) not null,
  consumer_group varchar(255) not null,
  `position` bigint not null,
  attempts integer not null,
  lease_token char(36) character set ascii collate ascii_bin,
  lease_expires_at datetime(6),
  consumer text,
  former_token char(36) character set ascii collate ascii_bin,
  former_position bigint,
  updated_at datetime(6) not null,
  primary key (channel, consumer_group)
) engine = innodb row_format = dynamic default character set = utf8mb4 collate = utf8mb4_bin;

-- How far retention has deleted each channel. A reader who asks for what comes after an earlier position has missed some.
create table if not exists rowcast_log_tail (
  channel varchar(255) not null,
  `position` bigint not null,
  primary key (channel)
) engine = innodb row_format = dynamic default character set = utf8mb4 collate = utf8mb4_bin;
