-- provenance: behind every answer, the model version that gave it, the run that made that version, and the exact
-- dataset, features, labels, hyperparameters, architecture, metrics and inference versions that went into the run.
-- From a click: join feedback on request_id
-- Grain: one row per request_id
-- Columns:
--   request_id
--   answered_at [UTC, microseconds]  when the request began
--   status           of the request
--   session_id
--   user_id
--   trace_id
--   environment
--   variant
--   model            that answered
--   model_version    that answered
--   run_id           the run that made the version: the one the prediction names if it made that version, else the latest
--                    run of the version that ended ok, else the run that the request names
--   run_found        how the run was found: prediction, version, or named; NULL where none is known
--   run_started_at [UTC, microseconds]  when the run began
--   run_status       of the run
--   version_dataset  version of the dataset
--   version_features  version of the features
--   version_labels   version of the labels
--   version_hyperparameters  version of the hyperparameters
--   version_architecture  version of the architecture
--   version_metrics  version of the metrics
--   version_inference  version of the inference code
--   versions         all of them, and whatever else was versioned
--   params
--   git_commit
--   pins
--   cost_usd [US dollars]  of the request
--   duration_ms      of the request
--   date             the day of answered_at, in UTC
WITH makers AS (
    SELECT model, model_version, run_id
    FROM (
        SELECT
            model,
            model_version,
            run_id,
            ROW_NUMBER() OVER (
                PARTITION BY model, model_version
                ORDER BY CASE WHEN status = 'ok' THEN 0 ELSE 1 END, started_at DESC, run_id
            ) AS place
        FROM runs
        WHERE model_version IS NOT NULL
    ) AS ranked
    WHERE place = 1
),
found AS (
    SELECT
        q.*,
        CASE
            WHEN n.model_version = q.model_version AND COALESCE(n.model, q.model) = q.model THEN 'prediction'
            WHEN m.run_id IS NOT NULL OR w.run_id IS NOT NULL THEN 'version'
            WHEN n.run_id IS NOT NULL THEN 'named'
        END AS run_found,
        CASE
            WHEN n.model_version = q.model_version AND COALESCE(n.model, q.model) = q.model THEN n.run_id
            ELSE COALESCE(m.run_id, w.run_id, n.run_id)
        END AS maker
    FROM requests AS q
    LEFT JOIN runs AS n ON n.run_id = q.run_id
    LEFT JOIN makers AS m ON m.model = q.model AND m.model_version = q.model_version
    LEFT JOIN makers AS w ON w.model IS NULL AND w.model_version = q.model_version
)
SELECT
    f.request_id,
    f.started_at AS answered_at,
    f.status,
    f.session_id,
    f.user_id,
    f.trace_id,
    f.environment,
    f.variant,
    f.model,
    f.model_version,
    f.maker AS run_id,
    f.run_found,
    r.started_at AS run_started_at,
    r.status AS run_status,
    r.version_dataset,
    r.version_features,
    r.version_labels,
    r.version_hyperparameters,
    r.version_architecture,
    r.version_metrics,
    r.version_inference,
    r.versions,
    r.params,
    r.git_commit,
    r.pins,
    f.cost_usd,
    f.duration_ms,
    f.date
FROM found AS f
LEFT JOIN runs AS r ON r.run_id = f.maker
