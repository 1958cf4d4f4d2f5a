-- events: every event in the lake, with every column of the event schema; the other views are made from it
-- Grain: one row per event (event_id is unique)
-- Columns:
--   @events
--   date
SELECT * FROM lake_events
