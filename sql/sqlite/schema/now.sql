-- The database's clock, in epoch milliseconds.
select cast(unixepoch('subsec') * 1000 as integer) as now_ms
