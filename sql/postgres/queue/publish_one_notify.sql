-- Stores one event that is due now and wakes its consumers: less to plan and to run than what takes many.
-- Returns the database's time.
-- Params: channel, priority, id, payload (JSON text), metadata (JSON text), max_attempts, topic (of NOTIFY).
insert into rowcast.queue (
  channel, priority, id, payload, metadata, attempts, max_attempts, created_at, available_at
)
values (
  :channel, :priority, :id, :payload, :metadata, 0, :max_attempts, statement_timestamp(), statement_timestamp()
)
returning (date_part('epoch', statement_timestamp()) * 1000)::bigint as now_ms, pg_notify(:topic, '') as notified
