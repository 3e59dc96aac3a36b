-- Discards dead letters for good; with retention they are kept in history with the reason. Returns the ids.
-- Params: ids (JSON array), reason, keep_history, of_groups (a log's, or a queue's).
with discarded as (
  delete from rowcast.dead_letter d
  using json_array_elements_text(:ids::json) as i (id)
  where d.id = i.id::uuid
    and (d.consumer_group <> '') = :of_groups::boolean
  returning
    d.id, d.channel, d.priority, {d.content}, d.attempts, d.created_at
),
kept as (
  insert into rowcast.history (
    id, channel, priority, {content}, attempts, outcome, reason, created_at, settled_at
  )
  select
    g.id, g.channel, g.priority, {g.content}, g.attempts, 'discarded', :reason, g.created_at,
    statement_timestamp()
  from discarded g
  where :keep_history::boolean
  on conflict do nothing
)
select g.id
from discarded g
