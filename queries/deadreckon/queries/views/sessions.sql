-- sessions: one conversation: its requests, what failed, what it cost, and what the user made of it
-- Grain: one row per session_id
-- Columns:
--   session_id
--   user_id
--   started_at [UTC, microseconds]  its earliest event
--   ended_at [UTC, microseconds]  its latest event
--   duration_ms      from started_at to ended_at
--   requests [count]  different request ids
--   traces [count]   different trace ids
--   failed_spans [count]  spans whose status is error or timeout
--   cancelled_spans [count]  spans whose status is cancelled
--   model_calls [count]  see view model_calls
--   input_tokens     of its model calls
--   output_tokens    of its model calls
--   cost_usd [US dollars]  of its model calls that have a cost; NULL where none has
--   unpriced_calls [count]  model calls whose cost should be known and is not: cost_usd leaves them out
--   feedback [count]  feedback events
--   feedback_mean    the mean value of feedback that has one; NULL where none has
--   environment
--   service
--   date             the day of started_at, in UTC
WITH steps AS (
    SELECT
        session_id,
        MAX(user_id) AS user_id,
        MIN(ts) AS started_at,
        MAX(ts) AS ended_at,
        COUNT(DISTINCT request_id) AS requests,
        COUNT(DISTINCT trace_id) AS traces,
        COUNT(*) FILTER (WHERE kind = 'span' AND status IN ('error', 'timeout')) AS failed_spans,
        COUNT(*) FILTER (WHERE kind = 'span' AND status = 'cancelled') AS cancelled_spans,
        COUNT(*) FILTER (WHERE kind = 'feedback') AS feedback,
        AVG(CASE WHEN kind = 'feedback' THEN value END) AS feedback_mean,
        ARG_MIN(environment, ts) FILTER (WHERE environment IS NOT NULL) AS environment,
        ARG_MIN(service, ts) FILTER (WHERE service IS NOT NULL) AS service,
        MIN(date) AS date
    FROM events
    WHERE session_id IS NOT NULL
    GROUP BY session_id
),
calls AS (
    SELECT
        session_id,
        COUNT(*) AS model_calls,
        SUM(input_tokens) AS input_tokens,
        SUM(output_tokens) AS output_tokens,
        SUM(cost_usd) AS cost_usd,
        COUNT(*) FILTER (WHERE cost_source = 'unpriced') AS unpriced_calls
    FROM model_calls
    WHERE session_id IS NOT NULL
    GROUP BY session_id
)
SELECT
    s.session_id,
    s.user_id,
    s.started_at,
    s.ended_at,
    ms_between(s.started_at, s.ended_at) AS duration_ms,
    s.requests,
    s.traces,
    s.failed_spans,
    s.cancelled_spans,
    COALESCE(c.model_calls, 0) AS model_calls,
    CAST(c.input_tokens AS BIGINT) AS input_tokens,
    CAST(c.output_tokens AS BIGINT) AS output_tokens,
    c.cost_usd,
    COALESCE(c.unpriced_calls, 0) AS unpriced_calls,
    s.feedback,
    s.feedback_mean,
    s.environment,
    s.service,
    s.date
FROM steps AS s
LEFT JOIN calls AS c ON c.session_id = s.session_id
