-- Deletes the revived events from the dead letters and returns them.
-- Params: ids (JSON array).
delete from rowcast_dead_letter
where id in (select i.value from json_each(:ids) as i)
  and consumer_group <> ''
returning id, channel
