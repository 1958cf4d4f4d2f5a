-- tools: how each tool does: calls, failures, time. Quantiles are exact
-- Grain: one row per environment and tool
-- Columns:
--   environment
--   tool
--   calls [count]    all calls
--   ok [count]       that ended well
--   failed [count]   errors and timeouts
--   cancelled [count]  status cancelled
--   error_rate [0 to 1]  failed per call that was not cancelled; NULL where all were
--   retries [count]  calls whose attempt is above 1
--   p50_ms [milliseconds]  half of the calls took at most this
--   p95_ms [milliseconds]  95 % of the calls took at most this
--   max_ms [milliseconds]  the longest
--   last_failed_at [UTC, microseconds]  when the latest failed call began
--   first_ts [UTC, microseconds]  the earliest call
--   last_ts [UTC, microseconds]  the latest call
SELECT
    environment,
    tool,
    COUNT(*) AS calls,
    COUNT(*) FILTER (WHERE status = 'ok') AS ok,
    COUNT(*) FILTER (WHERE failed) AS failed,
    COUNT(*) FILTER (WHERE status = 'cancelled') AS cancelled,
    COUNT(*) FILTER (WHERE failed)
    / NULLIF(CAST(COUNT(*) FILTER (WHERE status <> 'cancelled') AS DOUBLE), 0) AS error_rate,
    COUNT(*) FILTER (WHERE attempt > 1) AS retries,
    exact_quantile(duration_ms, 0.5) AS p50_ms,
    exact_quantile(duration_ms, 0.95) AS p95_ms,
    MAX(duration_ms) AS max_ms,
    MAX(CASE WHEN failed THEN ts END) AS last_failed_at,
    MIN(ts) AS first_ts,
    MAX(ts) AS last_ts
FROM tool_calls
GROUP BY environment, tool
