-- tool_summary: how each tool does by day and model version: calls, failures, time, cost, retries. Quantiles are exact;
-- tools has them over all time
-- Grain: one row per date, environment, tool and model_version
-- Columns:
--   date             the day on which the calls began, in UTC
--   environment
--   tool
--   model_version    the version that called it: as its span says, else of the model calls of its trace (any one of them
--                    where there are several)
--   calls [count]    all calls
--   ok [count]       that ended well
--   failed [count]   errors and timeouts
--   cancelled [count]  status cancelled
--   error_rate [0 to 1]  failed per call that was not cancelled; NULL where all were
--   retries [count]  calls whose attempt is above 1
--   traces [count]   different traces
--   p50_ms [milliseconds]  half of the calls took at most this
--   p95_ms [milliseconds]  95 % of the calls took at most this
--   max_ms [milliseconds]  the longest
--   total_ms [milliseconds]  of all durations
--   cost_usd [US dollars]  as tools' spans state it (paid services); NULL where none does. Calls of models inside a tool
--                    are in model_calls, and not in here unless the tool's span repeats them
--   error_type       the commonest among failed calls
--   first_ts [UTC, microseconds]  the earliest call
--   last_ts [UTC, microseconds]  the latest call
WITH versions AS (
    SELECT trace_id, MAX(model_version) AS model_version
    FROM model_calls
    WHERE trace_id IS NOT NULL AND model_version IS NOT NULL
    GROUP BY trace_id
),
calls AS (
    SELECT c.*, COALESCE(c.model_version, v.model_version) AS version
    FROM tool_calls AS c
    LEFT JOIN versions AS v ON v.trace_id = c.trace_id
),
types AS (
    SELECT
        date,
        environment,
        tool,
        version,
        error_type,
        ROW_NUMBER() OVER (PARTITION BY date, environment, tool, version ORDER BY COUNT(*) DESC, error_type) AS place
    FROM calls
    WHERE failed AND error_type IS NOT NULL
    GROUP BY date, environment, tool, version, error_type
)
SELECT
    c.date,
    c.environment,
    c.tool,
    c.version AS model_version,
    COUNT(*) AS calls,
    COUNT(*) FILTER (WHERE c.status = 'ok') AS ok,
    COUNT(*) FILTER (WHERE c.failed) AS failed,
    COUNT(*) FILTER (WHERE c.status = 'cancelled') AS cancelled,
    COUNT(*) FILTER (WHERE c.failed)
    / NULLIF(CAST(COUNT(*) FILTER (WHERE c.status <> 'cancelled') AS DOUBLE), 0) AS error_rate,
    COUNT(*) FILTER (WHERE c.attempt > 1) AS retries,
    COUNT(DISTINCT c.trace_id) AS traces,
    exact_quantile(c.duration_ms, 0.5) AS p50_ms,
    exact_quantile(c.duration_ms, 0.95) AS p95_ms,
    MAX(c.duration_ms) AS max_ms,
    SUM(c.duration_ms) AS total_ms,
    SUM(c.cost_usd) AS cost_usd,
    MAX(t.error_type) AS error_type,
    MIN(c.ts) AS first_ts,
    MAX(c.ts) AS last_ts
FROM calls AS c
LEFT JOIN types AS t
    ON
        t.place = 1 AND t.date = c.date AND t.tool = c.tool AND t.environment IS NOT DISTINCT FROM c.environment
        AND t.version IS NOT DISTINCT FROM c.version
GROUP BY c.date, c.environment, c.tool, c.version
