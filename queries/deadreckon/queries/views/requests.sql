-- requests: one user request from end to end: who asked, which model version answered, how long, at what cost.
-- A judge that scores the answer later belongs to the request's cost but not to its duration
-- Grain: one row per request_id that a span, a prediction or a log line carries
-- Columns:
--   request_id
--   started_at [UTC, microseconds]  the earliest of its events
--   duration_ms      of its first root span; without spans, of its longest event
--   name             of its first root span, else of its earliest event
--   status           of its first root span; without spans, the worst of its events: error, timeout, cancelled, ok
--   error_type       of its first root span, else of the latest failed event
--   model            that answered: as its root span says, else its prediction, else its last model call
--   model_version    that answered, found like model
--   variant          found like model
--   run_id           as found on its predictions, else on its spans
--   trace_id         the trace of its first root span
--   traces [count]   traces that carry it: retries by the client, judges
--   session_id
--   user_id
--   environment
--   service
--   agent
--   spans [count]    finished spans
--   failed_spans [count]  spans whose status is error or timeout
--   tool_calls [count]  spans of tools
--   model_calls [count]  see view model_calls
--   input_tokens     of its model calls
--   output_tokens    of its model calls
--   cost_usd [US dollars]  of its model calls that have a cost; NULL where none has
--   unpriced_calls [count]  model calls whose cost should be known and is not: cost_usd leaves them out
--   date             the day of started_at, in UTC
WITH steps AS (
    SELECT
        request_id,
        MIN(ts) AS started_at,
        MIN(date) AS date,
        ARG_MIN(sane_ms(duration_ms), ts) FILTER (
            WHERE kind = 'span' AND parent_span_id IS NULL AND sane_ms(duration_ms) IS NOT NULL
        ) AS root_duration_ms,
        MAX(sane_ms(duration_ms)) AS longest_ms,
        ARG_MIN(COALESCE(name, event), ts) FILTER (
            WHERE kind = 'span' AND parent_span_id IS NULL AND COALESCE(name, event) IS NOT NULL
        ) AS root_name,
        ARG_MIN(COALESCE(name, event), ts) FILTER (WHERE COALESCE(name, event) IS NOT NULL) AS first_name,
        ARG_MIN(COALESCE(status, CASE WHEN error_type IS NULL THEN 'ok' ELSE 'error' END), ts) FILTER (
            WHERE kind = 'span' AND parent_span_id IS NULL
        ) AS root_status,
        MAX(
            CASE
                WHEN status = 'error' OR (status IS NULL AND error_type IS NOT NULL) THEN 4
                WHEN status = 'timeout' THEN 3
                WHEN status = 'cancelled' THEN 2
                ELSE 1
            END
        ) AS worst,
        ARG_MIN(error_type, ts) FILTER (
            WHERE kind = 'span' AND parent_span_id IS NULL AND error_type IS NOT NULL
        ) AS root_error_type,
        ARG_MAX(error_type, ts) FILTER (WHERE error_type IS NOT NULL) AS last_error_type,
        ARG_MIN(model, ts) FILTER (
            WHERE kind = 'span' AND parent_span_id IS NULL AND model_version IS NOT NULL AND model IS NOT NULL
        ) AS root_model,
        ARG_MIN(model_version, ts) FILTER (
            WHERE kind = 'span' AND parent_span_id IS NULL AND model_version IS NOT NULL
        ) AS root_version,
        ARG_MAX(model, ts) FILTER (WHERE kind = 'prediction' AND model IS NOT NULL) AS predicted_model,
        ARG_MAX(model_version, ts) FILTER (
            WHERE kind = 'prediction' AND model_version IS NOT NULL
        ) AS predicted_version,
        ARG_MIN(variant, ts) FILTER (WHERE variant IS NOT NULL) AS variant,
        ARG_MAX(run_id, ts) FILTER (WHERE kind = 'prediction' AND run_id IS NOT NULL) AS predicted_run_id,
        ARG_MIN(run_id, ts) FILTER (WHERE run_id IS NOT NULL) AS first_run_id,
        ARG_MIN(trace_id, ts) FILTER (
            WHERE kind = 'span' AND parent_span_id IS NULL AND trace_id IS NOT NULL
        ) AS root_trace_id,
        ARG_MIN(trace_id, ts) FILTER (WHERE trace_id IS NOT NULL) AS first_trace_id,
        COUNT(DISTINCT trace_id) AS traces,
        ARG_MIN(session_id, ts) FILTER (WHERE session_id IS NOT NULL) AS session_id,
        ARG_MIN(user_id, ts) FILTER (WHERE user_id IS NOT NULL) AS user_id,
        ARG_MIN(environment, ts) FILTER (WHERE environment IS NOT NULL) AS environment,
        ARG_MIN(service, ts) FILTER (WHERE service IS NOT NULL) AS service,
        ARG_MIN(agent, ts) FILTER (WHERE agent IS NOT NULL) AS agent,
        COUNT(*) FILTER (WHERE kind = 'span') AS spans,
        COUNT(*) FILTER (WHERE kind = 'span' AND status IN ('error', 'timeout')) AS failed_spans,
        COUNT(*) FILTER (WHERE kind = 'span' AND operation = 'execute_tool') AS tool_calls
    FROM events
    WHERE
        request_id IS NOT NULL AND kind IN ('span', 'prediction', 'log') AND COALESCE(status, '') <> 'running'
    GROUP BY request_id
),
calls AS (
    SELECT
        request_id,
        COUNT(*) AS model_calls,
        ARG_MAX(model, ts) FILTER (WHERE model IS NOT NULL) AS called_model,
        ARG_MAX(model_version, ts) FILTER (WHERE model_version IS NOT NULL) AS called_version,
        SUM(input_tokens) AS input_tokens,
        SUM(output_tokens) AS output_tokens,
        SUM(cost_usd) AS cost_usd,
        COUNT(*) FILTER (WHERE cost_source = 'unpriced') AS unpriced_calls
    FROM model_calls
    WHERE request_id IS NOT NULL
    GROUP BY request_id
)
SELECT
    s.request_id,
    s.started_at,
    COALESCE(s.root_duration_ms, s.longest_ms) AS duration_ms,
    COALESCE(s.root_name, s.first_name) AS name,
    COALESCE(
        s.root_status,
        CASE s.worst WHEN 4 THEN 'error' WHEN 3 THEN 'timeout' WHEN 2 THEN 'cancelled' ELSE 'ok' END
    ) AS status,
    COALESCE(s.root_error_type, CASE WHEN s.root_status IS NULL THEN s.last_error_type END) AS error_type,
    CASE
        WHEN s.root_version IS NOT NULL THEN s.root_model
        ELSE COALESCE(s.predicted_model, c.called_model)
    END AS model,
    COALESCE(s.root_version, s.predicted_version, c.called_version) AS model_version,
    s.variant,
    COALESCE(s.predicted_run_id, s.first_run_id) AS run_id,
    COALESCE(s.root_trace_id, s.first_trace_id) AS trace_id,
    s.traces,
    s.session_id,
    s.user_id,
    s.environment,
    s.service,
    s.agent,
    s.spans,
    s.failed_spans,
    s.tool_calls,
    COALESCE(c.model_calls, 0) AS model_calls,
    CAST(c.input_tokens AS BIGINT) AS input_tokens,
    CAST(c.output_tokens AS BIGINT) AS output_tokens,
    c.cost_usd,
    COALESCE(c.unpriced_calls, 0) AS unpriced_calls,
    s.date
FROM steps AS s
LEFT JOIN calls AS c ON c.request_id = s.request_id
