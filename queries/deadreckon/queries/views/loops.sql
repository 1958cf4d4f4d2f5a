-- loops: an agent going round: the same tool called with the same arguments, or a model asked the same, more than once in
-- a trace. Arguments are the same where their text is: by the input_hash that a writer states, else by `input`; a call
-- whose arguments were not captured is in no loop. One call of a loop was of use: its first that ended ok, else its first;
-- the others are wasted
-- Grain: one row per trace, tool or model and arguments that occur at least twice
-- Columns:
--   trace_id
--   kind             tool or model
--   what             the tool's name, or the model's
--   calls [count]    how often it was called with these arguments
--   failed [count]   those of them whose status is error or timeout
--   retries [count]  those whose attempt is above 1: retries on purpose, unlike an agent that goes round
--   input_hash       of the arguments: as the writer states it, else the MD5 of input
--   input_start      the first 200 characters of the arguments, where they were captured
--   first_event_id   the earliest of the calls
--   last_event_id    the latest of the calls
--   first_span_id    its span_id
--   last_span_id     its span_id
--   first_ts [UTC, microseconds]  when the earliest call began
--   last_ts [UTC, microseconds]  when the latest call began
--   total_ms [milliseconds]  of all their durations
--   wasted_ms [milliseconds]  of the durations of all calls but the one of use
--   cost_usd [US dollars]  of all these calls: of models as model_calls has it, of tools as their spans state it
--   wasted_usd [US dollars]  of all calls but the one of use; NULL where no cost is known
--   agent            of any of them
--   request_id
--   session_id
--   environment
--   date             the day of first_ts, in UTC
WITH asked AS (
    SELECT
        s.trace_id,
        CASE WHEN c.event_id IS NOT NULL THEN 'model' ELSE 'tool' END AS kind,
        CASE WHEN c.event_id IS NOT NULL THEN COALESCE(c.model, s.name) ELSE COALESCE(s.tool, s.name) END AS what,
        COALESCE(s.input_hash, MD5(s.input)) AS input_hash,
        SUBSTRING(s.input, 1, 200) AS input_start,
        s.event_id,
        s.span_id,
        s.ts,
        s.status,
        s.duration_ms,
        CASE WHEN c.event_id IS NOT NULL THEN c.cost_usd ELSE s.cost_usd END AS cost_usd,
        s.attempt,
        s.agent,
        s.request_id,
        s.session_id,
        s.environment,
        s.date
    FROM spans AS s
    LEFT JOIN model_calls AS c ON c.event_id = s.event_id
    WHERE
        s.trace_id IS NOT NULL
        AND (
            c.event_id IS NOT NULL OR s.operation = 'execute_tool'
            OR (s.tool IS NOT NULL AND COALESCE(s.operation, 'internal') = 'internal')
        )
),
ranked AS (
    SELECT
        *,
        ROW_NUMBER() OVER (PARTITION BY trace_id, kind, what, input_hash ORDER BY ts, event_id) AS turn,
        ROW_NUMBER() OVER (
            PARTITION BY trace_id, kind, what, input_hash
            ORDER BY CASE WHEN status = 'ok' THEN 0 ELSE 1 END, ts, event_id
        ) AS usefulness,
        COUNT(*) OVER (PARTITION BY trace_id, kind, what, input_hash) AS calls
    FROM asked
    WHERE input_hash IS NOT NULL
)
SELECT
    trace_id,
    kind,
    what,
    COUNT(*) AS calls,
    COUNT(*) FILTER (WHERE status IN ('error', 'timeout')) AS failed,
    COUNT(*) FILTER (WHERE attempt > 1) AS retries,
    input_hash,
    MAX(input_start) AS input_start,
    MAX(CASE WHEN turn = 1 THEN event_id END) AS first_event_id,
    MAX(CASE WHEN turn = calls THEN event_id END) AS last_event_id,
    MAX(CASE WHEN turn = 1 THEN span_id END) AS first_span_id,
    MAX(CASE WHEN turn = calls THEN span_id END) AS last_span_id,
    MIN(ts) AS first_ts,
    MAX(ts) AS last_ts,
    SUM(duration_ms) AS total_ms,
    SUM(CASE WHEN usefulness > 1 THEN duration_ms END) AS wasted_ms,
    SUM(cost_usd) AS cost_usd,
    SUM(CASE WHEN usefulness > 1 THEN cost_usd END) AS wasted_usd,
    MAX(agent) AS agent,
    MAX(request_id) AS request_id,
    MAX(session_id) AS session_id,
    MAX(environment) AS environment,
    MIN(date) AS date
FROM ranked
WHERE calls > 1
GROUP BY trace_id, kind, what, input_hash
