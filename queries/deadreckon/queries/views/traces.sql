-- traces: one user request or job from its first span to its last: how long, what it used, what failed
-- Grain: one row per trace_id that has at least one span
-- Columns:
--   trace_id
--   started_at [UTC, microseconds]  when its first span began
--   ended_at [UTC, microseconds]  when its last span ended
--   duration_ms      from started_at to ended_at
--   name             the name of its root: the earliest span without a parent, else the earliest span
--   status           of that root; a trace may be ok although spans in it failed
--   roots [count]    spans without a parent; more than 1 means several trees
--   spans [count]    finished spans
--   failed_spans [count]  spans whose status is error or timeout
--   cancelled_spans [count]  spans whose status is cancelled
--   tool_calls [count]  spans of tools
--   llm_calls [count]  calls of language models
--   input_tokens     of its language model calls
--   output_tokens    of its language model calls
--   cost_usd [US dollars]  of its model calls that have a cost; NULL where none has
--   unpriced_calls [count]  model calls whose cost should be known and is not: cost_usd leaves them out
--   request_id
--   session_id
--   user_id
--   agent            of the root, else of any span in it
--   service
--   environment
--   variant
--   model_version    of its model calls; any one of them where there are several
--   date             the day of started_at, in UTC
WITH steps AS (
    SELECT
        trace_id,
        MIN(ts) AS started_at,
        MAX(end_ts) AS ended_at,
        ARG_MIN(name, ts) FILTER (WHERE parent_span_id IS NULL AND name IS NOT NULL) AS root_name,
        ARG_MIN(status, ts) FILTER (WHERE parent_span_id IS NULL) AS root_status,
        ARG_MIN(agent, ts) FILTER (WHERE parent_span_id IS NULL AND agent IS NOT NULL) AS root_agent,
        ARG_MIN(name, ts) FILTER (WHERE name IS NOT NULL) AS first_name,
        ARG_MIN(status, ts) AS first_status,
        MAX(agent) AS any_agent,
        COUNT(*) FILTER (WHERE parent_span_id IS NULL) AS roots,
        COUNT(*) AS spans,
        COUNT(*) FILTER (WHERE status IN ('error', 'timeout')) AS failed_spans,
        COUNT(*) FILTER (WHERE status = 'cancelled') AS cancelled_spans,
        COUNT(*) FILTER (WHERE operation = 'execute_tool'
            OR (tool IS NOT NULL AND COALESCE(operation, 'internal') = 'internal')) AS tool_calls,
        MAX(request_id) AS request_id,
        MAX(session_id) AS session_id,
        MAX(user_id) AS user_id,
        MAX(service) AS service,
        MAX(environment) AS environment,
        MAX(variant) AS variant,
        MIN(date) AS date
    FROM spans
    WHERE trace_id IS NOT NULL
    GROUP BY trace_id
),
calls AS (
    SELECT
        trace_id,
        COUNT(*) FILTER (WHERE is_llm) AS llm_calls,
        SUM(input_tokens) AS input_tokens,
        SUM(output_tokens) AS output_tokens,
        SUM(cost_usd) AS cost_usd,
        COUNT(*) FILTER (WHERE cost_source = 'unpriced') AS unpriced_calls,
        MAX(model_version) AS model_version
    FROM model_calls
    WHERE trace_id IS NOT NULL
    GROUP BY trace_id
)
SELECT
    s.trace_id,
    s.started_at,
    s.ended_at,
    ms_between(s.started_at, s.ended_at) AS duration_ms,
    COALESCE(s.root_name, s.first_name) AS name,
    COALESCE(s.root_status, s.first_status) AS status,
    s.roots,
    s.spans,
    s.failed_spans,
    s.cancelled_spans,
    s.tool_calls,
    COALESCE(c.llm_calls, 0) AS llm_calls,
    CAST(c.input_tokens AS BIGINT) AS input_tokens,
    CAST(c.output_tokens AS BIGINT) AS output_tokens,
    c.cost_usd,
    COALESCE(c.unpriced_calls, 0) AS unpriced_calls,
    s.request_id,
    s.session_id,
    s.user_id,
    COALESCE(s.root_agent, s.any_agent) AS agent,
    s.service,
    s.environment,
    s.variant,
    c.model_version,
    s.date
FROM steps AS s
LEFT JOIN calls AS c ON c.trace_id = s.trace_id
