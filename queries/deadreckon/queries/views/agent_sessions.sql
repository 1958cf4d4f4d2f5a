-- agent_sessions: what each agent did in each session. A span, a model call or a tool call belongs to one agent: the one
-- it names, else that of the nearest span above which names one. Nothing is counted twice: the rows add up to all spans
-- and to all model calls
-- Grain: one row per environment, session_id and agent; what is in no session, or of no agent, has NULL there
-- Columns:
--   environment
--   session_id
--   agent
--   spans [count]    spans of it, finished or not
--   turns [count]    its outermost spans: those in no other span of the same agent
--   traces [count]   different traces
--   llm_calls [count]  calls of language models
--   model_calls [count]  calls of any model; see view model_calls
--   tool_calls [count]  spans of tools
--   failed_spans [count]  spans whose status is error or timeout
--   failed_turns [count]  outermost spans whose status is error or timeout
--   retries [count]  spans whose attempt is above 1
--   duration_ms      of its outermost spans, added up: agents within agents are not counted twice for the same agent
--   input_tokens     of its model calls
--   output_tokens    of its model calls
--   cost_usd [US dollars]  of its model calls that have a cost; NULL where none has
--   unpriced_calls [count]  model calls whose cost should be known and is not: cost_usd leaves them out
--   first_ts [UTC, microseconds]  the earliest of its spans and calls
--   last_ts [UTC, microseconds]  the latest of its spans and calls
WITH tree AS (
    SELECT
        trace_id, span_id, parent_span_id, environment, session_id, agent, operation, tool, failed, attempt, duration_ms,
        ts, note
    FROM span_tree
),
acts AS (
    SELECT
        s.environment,
        s.session_id,
        s.agent,
        s.trace_id,
        1 AS span,
        CASE WHEN p.agent IS NULL OR p.agent <> s.agent THEN 1 ELSE 0 END AS turn,
        CASE
            WHEN s.operation = 'execute_tool' OR (s.tool IS NOT NULL AND COALESCE(s.operation, 'internal') = 'internal')
                THEN 1
            ELSE 0
        END AS tool_call,
        CASE WHEN s.failed THEN 1 ELSE 0 END AS failed,
        CASE WHEN s.attempt > 1 THEN 1 ELSE 0 END AS retry,
        s.duration_ms,
        0 AS model_call,
        0 AS llm_call,
        CAST(NULL AS BIGINT) AS input_tokens,
        CAST(NULL AS BIGINT) AS output_tokens,
        CAST(NULL AS DOUBLE) AS cost_usd,
        0 AS unpriced,
        s.ts
    FROM tree AS s
    LEFT JOIN tree AS p
        ON
            p.trace_id = s.trace_id AND p.span_id = s.parent_span_id AND COALESCE(p.note, '') <> 'id repeated'
            AND COALESCE(s.note, '') <> 'circle'
    UNION ALL
    SELECT
        c.environment,
        COALESCE(c.session_id, t.session_id) AS session_id,
        COALESCE(c.agent, t.agent) AS agent,
        c.trace_id,
        0 AS span,
        0 AS turn,
        0 AS tool_call,
        0 AS failed,
        0 AS retry,
        CAST(NULL AS DOUBLE) AS duration_ms,
        1 AS model_call,
        CASE WHEN c.is_llm THEN 1 ELSE 0 END AS llm_call,
        c.input_tokens,
        c.output_tokens,
        c.cost_usd,
        CASE WHEN c.cost_source = 'unpriced' THEN 1 ELSE 0 END AS unpriced,
        c.ts
    FROM model_calls AS c
    LEFT JOIN tree AS t
        ON t.trace_id = c.trace_id AND t.span_id = c.span_id AND COALESCE(t.note, '') <> 'id repeated'
)
SELECT
    environment,
    session_id,
    agent,
    CAST(SUM(span) AS BIGINT) AS spans,
    CAST(SUM(turn) AS BIGINT) AS turns,
    COUNT(DISTINCT trace_id) AS traces,
    CAST(SUM(llm_call) AS BIGINT) AS llm_calls,
    CAST(SUM(model_call) AS BIGINT) AS model_calls,
    CAST(SUM(tool_call) AS BIGINT) AS tool_calls,
    CAST(SUM(failed) AS BIGINT) AS failed_spans,
    CAST(SUM(failed * turn) AS BIGINT) AS failed_turns,
    CAST(SUM(retry) AS BIGINT) AS retries,
    SUM(CASE WHEN turn = 1 THEN duration_ms END) AS duration_ms,
    CAST(SUM(input_tokens) AS BIGINT) AS input_tokens,
    CAST(SUM(output_tokens) AS BIGINT) AS output_tokens,
    SUM(cost_usd) AS cost_usd,
    CAST(SUM(unpriced) AS BIGINT) AS unpriced_calls,
    MIN(ts) AS first_ts,
    MAX(ts) AS last_ts
FROM acts
GROUP BY environment, session_id, agent
