-- run_metrics: loss curves and scores of runs, step by step; where a resumed run logged a step again, the newest counts
-- Grain: one row per run_id, name, fold and step
-- Columns:
--   run_id
--   name             what is measured
--   fold
--   step
--   value
--   unit
--   is_last          whether it is the newest of its run, name and fold: the figure to compare runs by
--   ts
--   event_id
WITH ranked AS (
    SELECT
        run_id,
        name,
        fold,
        step,
        value,
        unit,
        ts,
        event_id,
        ROW_NUMBER() OVER (PARTITION BY run_id, name, fold, step ORDER BY ts DESC, event_id DESC) AS newest
    FROM events
    WHERE kind = 'metric' AND run_id IS NOT NULL
)
SELECT
    run_id,
    name,
    fold,
    step,
    value,
    unit,
    ROW_NUMBER() OVER (PARTITION BY run_id, name, fold ORDER BY ts DESC, COALESCE(step, 0) DESC, event_id DESC) = 1
        AS is_last,
    ts,
    event_id
FROM ranked
WHERE newest = 1
