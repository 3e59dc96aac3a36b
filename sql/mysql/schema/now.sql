-- The database's clock, in epoch milliseconds.
select timestampdiff(microsecond, timestamp '1970-01-01 00:00:00', utc_timestamp(6)) div 1000 as now_ms
