-- stages: the history of model versions: each move to shadow, canary, production, retired or rolled_back
-- Grain: one row per move (event of kind stage)
-- Columns:
--   event_id
--   ts               when it moved
--   model
--   model_version
--   stage
--   previous_stage   where it was before; NULL on its first move
--   until_ts [UTC, microseconds]  when it moved on; NULL while it is there
--   reason
--   actor
--   environment
--   run_id
SELECT
    event_id,
    ts,
    model,
    model_version,
    stage,
    LAG(stage) OVER (PARTITION BY environment, model, model_version ORDER BY ts, event_id) AS previous_stage,
    LEAD(ts) OVER (PARTITION BY environment, model, model_version ORDER BY ts, event_id) AS until_ts,
    reason,
    actor,
    environment,
    run_id
FROM events
WHERE kind = 'stage'
