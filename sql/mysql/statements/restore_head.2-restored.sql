-- Restores it; another process may have done so meanwhile.
-- Params: behind (row of the step before).
insert into rowcast_log_head (id, `position`)
values (1, cast(json_unquote(json_extract(:behind, '$[0].position')) as signed))
on duplicate key update
  `position` = greatest(rowcast_log_head.position, cast(json_unquote(json_extract(:behind, '$[0].position')) as signed))
