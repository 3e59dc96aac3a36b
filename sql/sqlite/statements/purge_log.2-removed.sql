-- Deletes what was found old and read, up to the first young event, and returns its positions.
-- Params: looked (rows of the step before).
delete from rowcast_log
where position in (
  select o.value ->> 'looked'
  from json_each(:looked) as o
  where o.value ->> 'is_old'
    and o.value ->> 'is_read'
    and o.value ->> 'looked' < coalesce(
      (select min(y.value ->> 'looked') from json_each(:looked) as y where not y.value ->> 'is_old'), 9007199254740991
    )
)
returning position, channel
