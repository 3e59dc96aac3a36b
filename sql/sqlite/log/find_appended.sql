-- Which of these events are stored already, after an attempt that failed: here that has stored none of them.
-- Returns one row without an id, as where none is found elsewhere.
select 0 as last_position, null as id
