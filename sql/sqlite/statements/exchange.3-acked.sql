-- Deletes the held deliveries from the queue; what it finds is an ack.
-- Params: channel, settled (list of {priority, id, lease_token}, one at a time).
delete from rowcast_queue
where channel = :channel
  and priority = :settled.priority
  and id = :settled.id
  and lease_token = :settled.lease_token
