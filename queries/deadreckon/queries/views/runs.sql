-- runs: training, evaluation and agent runs: what went in, what came out, and everything needed to repeat them
-- Grain: one row per run_id that an event of kind run, metric or artifact carries
-- Columns:
--   run_id
--   parent_run_id
--   name             train, evaluate, ...
--   status           ok, error, cancelled, timeout; running where no end was logged; unknown where neither start nor end was
--   started_at [UTC, microseconds]  its earliest event
--   ended_at [UTC, microseconds]  when its end was logged; NULL while it has not ended
--   last_seen_at [UTC, microseconds]  its latest event: a run that died without an end stops here
--   duration_ms      as its end says, else from start to end
--   model
--   model_version    the version that it made, or evaluated
--   error_type
--   error_message
--   git_commit
--   params
--   versions
--   version_dataset  version of the dataset, the first of the seven parts
--   version_features  version of the features
--   version_labels   version of the labels
--   version_hyperparameters  version of the hyperparameters
--   version_architecture  version of the architecture
--   version_metrics  version of the metrics
--   version_inference  version of the inference code
--   pins
--   metrics [count]  measurements logged
--   artifacts [count]  artifacts logged
--   folds [count]    walk-forward folds logged
--   environment
--   service
--   host
--   attributes       of its start, else of its latest event
WITH gathered AS (
    -- Of states with the same time, as importers write them of a run that was edited, the one that came last.
    SELECT
        run_id,
        ARG_MAX(parent_run_id, (ts, ingested_at)) FILTER (WHERE parent_run_id IS NOT NULL) AS parent_run_id,
        ARG_MAX(name, (ts, ingested_at)) FILTER (WHERE kind = 'run' AND event <> 'run.fold' AND name IS NOT NULL) AS name,
        ARG_MAX(status, (ts, ingested_at)) FILTER (
            WHERE kind = 'run' AND event <> 'run.fold' AND status IS NOT NULL AND status <> 'running'
        ) AS end_status,
        COUNT(*) FILTER (WHERE kind = 'run' AND event <> 'run.fold') AS run_events,
        MIN(ts) AS started_at,
        MAX(ts) FILTER (
            WHERE kind = 'run' AND event <> 'run.fold' AND status IS NOT NULL AND status <> 'running'
        ) AS ended_at,
        MAX(ts) AS last_seen_at,
        ARG_MAX(duration_ms, (ts, ingested_at)) FILTER (
            WHERE kind = 'run' AND event <> 'run.fold' AND duration_ms IS NOT NULL
        ) AS duration_ms,
        ARG_MAX(model, (ts, ingested_at)) FILTER (WHERE model IS NOT NULL) AS model,
        ARG_MAX(model_version, (ts, ingested_at)) FILTER (WHERE model_version IS NOT NULL) AS model_version,
        ARG_MAX(error_type, (ts, ingested_at)) FILTER (WHERE kind = 'run' AND error_type IS NOT NULL) AS error_type,
        ARG_MAX(error_message, (ts, ingested_at)) FILTER (WHERE kind = 'run' AND error_message IS NOT NULL) AS error_message,
        ARG_MAX(git_commit, (ts, ingested_at)) FILTER (WHERE git_commit IS NOT NULL) AS git_commit,
        ARG_MAX(params, (ts, ingested_at)) FILTER (WHERE params IS NOT NULL) AS params,
        ARG_MAX(versions, (ts, ingested_at)) FILTER (WHERE versions IS NOT NULL) AS versions,
        ARG_MAX(pins, (ts, ingested_at)) FILTER (WHERE pins IS NOT NULL) AS pins,
        COUNT(*) FILTER (WHERE kind = 'metric') AS metrics,
        COUNT(*) FILTER (WHERE kind = 'artifact') AS artifacts,
        COUNT(*) FILTER (WHERE event = 'run.fold') AS folds,
        ARG_MIN(environment, ts) FILTER (WHERE environment IS NOT NULL) AS environment,
        ARG_MIN(service, ts) FILTER (WHERE service IS NOT NULL) AS service,
        ARG_MIN(host, ts) FILTER (WHERE host IS NOT NULL) AS host,
        ARG_MIN(attributes, (ts, ms_between(ingested_at, ts))) FILTER (
            WHERE kind = 'run' AND event <> 'run.fold' AND attributes IS NOT NULL
        ) AS attributes
    FROM events
    WHERE run_id IS NOT NULL AND kind IN ('run', 'metric', 'artifact')
    GROUP BY run_id
)
SELECT
    run_id,
    parent_run_id,
    name,
    COALESCE(end_status, CASE WHEN run_events > 0 THEN 'running' ELSE 'unknown' END) AS status,
    started_at,
    ended_at,
    last_seen_at,
    COALESCE(duration_ms, ms_between(started_at, ended_at)) AS duration_ms,
    model,
    model_version,
    error_type,
    error_message,
    git_commit,
    params,
    versions,
    json_text(versions, 'dataset') AS version_dataset,
    json_text(versions, 'features') AS version_features,
    json_text(versions, 'labels') AS version_labels,
    json_text(versions, 'hyperparameters') AS version_hyperparameters,
    json_text(versions, 'architecture') AS version_architecture,
    json_text(versions, 'metrics') AS version_metrics,
    json_text(versions, 'inference') AS version_inference,
    pins,
    metrics,
    artifacts,
    folds,
    environment,
    service,
    host,
    attributes
FROM gathered
