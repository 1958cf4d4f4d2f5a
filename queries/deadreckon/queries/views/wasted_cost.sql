-- wasted_cost: model calls that were paid for and gave nothing, and why: they failed, were cancelled, or were asked
-- again although they had ended ok
-- Grain: one row per wasted model call
-- Columns:
--   event_id
--   ts               when the call began
--   date
--   reason           error, timeout, cancelled, or retried: it ended ok, and the same step was attempted again after it
--   retried          whether the same step was attempted again after it
--   cost_usd [US dollars]  as reported, else as computed; NULL where neither is known
--   cost_source      reported, computed, unpriced or none
--   duration_ms
--   model
--   model_version
--   operation
--   name             of the call
--   attempt
--   error_type
--   error_message
--   environment
--   variant
--   service
--   agent
--   input_tokens
--   output_tokens
--   request_id
--   session_id
--   user_id
--   run_id
--   trace_id
--   span_id
WITH ordered AS (
    SELECT
        *,
        COALESCE(
            attempt < LEAD(attempt) OVER (
                PARTITION BY
                    COALESCE(trace_id, request_id, event_id), parent_span_id, operation, name, idempotency_key
                ORDER BY ts, attempt
            ),
            false
        ) AS retried
    FROM model_calls
)
SELECT
    event_id,
    ts,
    date,
    CASE WHEN status = 'ok' THEN 'retried' ELSE status END AS reason,
    retried,
    cost_usd,
    cost_source,
    duration_ms,
    model,
    model_version,
    operation,
    name,
    attempt,
    error_type,
    error_message,
    environment,
    variant,
    service,
    agent,
    input_tokens,
    output_tokens,
    request_id,
    session_id,
    user_id,
    run_id,
    trace_id,
    span_id
FROM ordered
WHERE status <> 'ok' OR retried
