-- Deletes the discarded events and returns their ids.
-- Params: ids (JSON array), of_groups (a log's, or a queue's).
delete from rowcast_dead_letter
where id in (select i.value from json_each(:ids) as i)
  and (consumer_group <> '') = :of_groups
returning id
