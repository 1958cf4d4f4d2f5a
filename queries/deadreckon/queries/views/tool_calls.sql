-- tool_calls: every call of a tool: which, for whom, how long, how it ended
-- Grain: one row per span of a tool
-- Columns:
--   event_id
--   ts               when it began
--   date
--   tool             the tool's name; where it has none the span's name
--   agent
--   status           ok, error, cancelled or timeout
--   failed           whether its status is error or timeout
--   error_type
--   error_message
--   duration_ms
--   attempt
--   idempotency_key
--   model_version
--   environment
--   variant
--   service
--   request_id
--   session_id
--   user_id
--   run_id
--   trace_id
--   span_id
--   parent_span_id
--   cost_usd         as the tool's span states it: a paid service; model calls inside it are in model_calls
--   input
--   output
SELECT
    event_id,
    ts,
    date,
    COALESCE(tool, name) AS tool,
    agent,
    status,
    status IN ('error', 'timeout') AS failed,
    error_type,
    error_message,
    duration_ms,
    attempt,
    idempotency_key,
    model_version,
    environment,
    variant,
    service,
    request_id,
    session_id,
    user_id,
    run_id,
    trace_id,
    span_id,
    parent_span_id,
    cost_usd,
    input,
    output
FROM spans
WHERE operation = 'execute_tool' OR (tool IS NOT NULL AND COALESCE(operation, 'internal') = 'internal')
