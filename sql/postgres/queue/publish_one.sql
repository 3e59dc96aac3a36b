-- Stores one event that is due now, where nobody need be woken: what a lone publish takes between two notifications. To
-- return even the time would cost a tenth as much again.
-- Params: channel, priority, id, payload (JSON text), metadata (JSON text), max_attempts.
insert into rowcast.queue (
  channel, priority, id, payload, metadata, attempts, max_attempts, created_at, available_at
)
values (
  :channel, :priority, :id, :payload, :metadata, 0, :max_attempts, statement_timestamp(), statement_timestamp()
)
