-- Leases the first ready events of a channel: what ack_and_claim.sql does where nothing is acked and the whole channel is looked
-- through, in a plan that has little to set up. Where events come one by one, that is a third of the time of a claim.
-- See there for the planner, for events whose attempts are used up, and for what the columns hold, here of one event each.
-- Params: channel, lease_token, lease_ms, limit.
update rowcast.queue q
set attempts = least(q.attempts, q.max_attempts) + 1,
    lease_token = :lease_token::uuid,
    lease_expires_at = statement_timestamp() + :lease_ms * interval '1 millisecond'
where q.ctid = any (array(
  select t.ctid
  from rowcast.queue t
  where t.channel = :channel
    and (t.lease_expires_at is null or t.lease_expires_at <= statement_timestamp())
  order by t.channel, t.priority, t.id
  limit (select :limit::bigint)
  for update skip locked
))
returning
  concat_ws(
    ',', q.id, q.priority, q.attempts, q.max_attempts, trunc(date_part('epoch', q.created_at) * 1000)::bigint,
    trunc(date_part('epoch', q.available_at) * 1000)::bigint
  ) as facts,
  q.payload as payloads,
  case
    when coalesce(q.metadata::text, q.dedupe_key, q.last_error) is not null then
      json_build_object(
        q.id,
        json_build_object(
          'metadata', case when q.metadata is not null then json_build_array(q.metadata) end,
          'dedupe_key', q.dedupe_key, 'last_error', q.last_error
        )
      )
  end as rare,
  trunc(date_part('epoch', q.lease_expires_at) * 1000)::bigint as lease_expires_at_ms
