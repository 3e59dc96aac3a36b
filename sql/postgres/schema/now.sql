-- The database's clock, in epoch milliseconds.
select extract(epoch from clock_timestamp()) * 1000 as now_ms
