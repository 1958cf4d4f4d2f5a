-- models: every model version that was staged, trained or called, and where it is now
-- Grain: one row per model and model_version
-- Columns:
--   model
--   model_version
--   stage            where it is now, by its newest move in any environment; NULL where it was never staged
--   stage_since [UTC, microseconds]  when it moved there
--   stage_reason     why it moved there
--   stage_actor      who moved it
--   moves [count]    moves logged
--   run_id           the run that made it: the latest run of that version that ended ok, else the latest
--   git_commit       of that run
--   calls [count]    see view model_calls
--   first_call_at [UTC, microseconds]  its earliest call
--   last_call_at [UTC, microseconds]  its latest call
WITH staged AS (
    SELECT
        model,
        model_version,
        ARG_MAX(stage, ts) FILTER (WHERE stage IS NOT NULL) AS stage,
        MAX(ts) AS stage_since,
        ARG_MAX(COALESCE(reason, ''), ts) AS stage_reason,
        ARG_MAX(COALESCE(actor, ''), ts) AS stage_actor,
        COUNT(*) AS moves
    FROM stages
    GROUP BY model, model_version
),
trained AS (
    SELECT model, model_version, run_id, git_commit
    FROM (
        SELECT
            model,
            model_version,
            run_id,
            git_commit,
            ROW_NUMBER() OVER (
                PARTITION BY model, model_version
                ORDER BY CASE WHEN status = 'ok' THEN 0 ELSE 1 END, started_at DESC, run_id
            ) AS place
        FROM runs
        WHERE model_version IS NOT NULL
    ) AS ranked
    WHERE place = 1
),
called AS (
    SELECT model, model_version, COUNT(*) AS calls, MIN(ts) AS first_call_at, MAX(ts) AS last_call_at
    FROM model_calls
    GROUP BY model, model_version
),
known AS (
    SELECT model, model_version FROM staged
    UNION
    SELECT model, model_version FROM trained
    UNION
    SELECT model, model_version FROM called
)
SELECT
    k.model,
    k.model_version,
    s.stage,
    s.stage_since,
    NULLIF(s.stage_reason, '') AS stage_reason,
    NULLIF(s.stage_actor, '') AS stage_actor,
    COALESCE(s.moves, 0) AS moves,
    t.run_id,
    t.git_commit,
    COALESCE(c.calls, 0) AS calls,
    c.first_call_at,
    c.last_call_at
FROM known AS k
LEFT JOIN staged AS s ON s.model IS NOT DISTINCT FROM k.model AND s.model_version IS NOT DISTINCT FROM k.model_version
LEFT JOIN trained AS t ON t.model IS NOT DISTINCT FROM k.model AND t.model_version IS NOT DISTINCT FROM k.model_version
LEFT JOIN called AS c ON c.model IS NOT DISTINCT FROM k.model AND c.model_version IS NOT DISTINCT FROM k.model_version
WHERE k.model IS NOT NULL OR k.model_version IS NOT NULL
