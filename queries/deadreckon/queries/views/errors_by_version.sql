-- errors_by_version: how often calls of each model version fail, and with what
-- Grain: one row per environment, model, model_version, variant and operation
-- Columns:
--   environment
--   model
--   model_version
--   variant
--   operation
--   calls [count]    all calls
--   ok [count]       answered
--   errors [count]   status error
--   timeouts [count]  status timeout
--   cancelled [count]  status cancelled: by the user or the caller, so no failure of the model
--   failed [count]   errors and timeouts
--   error_rate [0 to 1]  failed per call that was not cancelled; NULL where all were
--   retries [count]  calls whose attempt is above 1
--   error_type       the commonest among failed calls
--   last_failed_at [UTC, microseconds]  when the latest failed call began
--   first_ts [UTC, microseconds]  the earliest call
--   last_ts [UTC, microseconds]  the latest call
WITH by_type AS (
    SELECT
        environment,
        model,
        model_version,
        variant,
        operation,
        error_type,
        COUNT(*) AS calls,
        COUNT(*) FILTER (WHERE status = 'ok') AS ok,
        COUNT(*) FILTER (WHERE status = 'error') AS errors,
        COUNT(*) FILTER (WHERE status = 'timeout') AS timeouts,
        COUNT(*) FILTER (WHERE status = 'cancelled') AS cancelled,
        COUNT(*) FILTER (WHERE failed) AS failed,
        COUNT(*) FILTER (WHERE attempt > 1) AS retries,
        MAX(CASE WHEN failed THEN ts END) AS last_failed_at,
        MIN(ts) AS first_ts,
        MAX(ts) AS last_ts
    FROM model_calls
    GROUP BY environment, model, model_version, variant, operation, error_type
)
SELECT
    environment,
    model,
    model_version,
    variant,
    operation,
    CAST(SUM(calls) AS BIGINT) AS calls,
    CAST(SUM(ok) AS BIGINT) AS ok,
    CAST(SUM(errors) AS BIGINT) AS errors,
    CAST(SUM(timeouts) AS BIGINT) AS timeouts,
    CAST(SUM(cancelled) AS BIGINT) AS cancelled,
    CAST(SUM(failed) AS BIGINT) AS failed,
    SUM(failed) / NULLIF(CAST(SUM(calls) - SUM(cancelled) AS DOUBLE), 0) AS error_rate,
    CAST(SUM(retries) AS BIGINT) AS retries,
    ARG_MAX(error_type, failed) FILTER (WHERE failed > 0 AND error_type IS NOT NULL) AS error_type,
    MAX(last_failed_at) AS last_failed_at,
    MIN(first_ts) AS first_ts,
    MAX(last_ts) AS last_ts
FROM by_type
GROUP BY environment, model, model_version, variant, operation
