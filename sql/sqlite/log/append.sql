-- step: stored, each events
-- Appends events to the log.
-- Params: events (list of {channel, id, payload, metadata}, one at a time; payload and metadata are JSON text).
insert into rowcast_log (channel, id, payload, metadata, created_at)
values (:events.channel, :events.id, :events.payload, :events.metadata, cast(unixepoch('subsec') * 1000 as integer))
