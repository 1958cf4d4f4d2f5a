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
--   reported_usd [US dollars]  as the writer reported it
--   computed_usd [US dollars]  from token counts and the price in force at ts
--   difference_usd [US dollars]  reported_usd less computed_usd; NULL where either is unknown
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
WITH again AS (
    SELECT DISTINCT
        COALESCE(trace_id, request_id) AS place,
        COALESCE(parent_span_id, '') AS parent,
        COALESCE(idempotency_key, '') AS effect,
        operation,
        name,
        attempt
    FROM model_calls
    WHERE attempt > 1
)
SELECT
    c.event_id,
    c.ts,
    c.date,
    CASE WHEN c.status = 'ok' THEN 'retried' ELSE c.status END AS reason,
    a.attempt IS NOT NULL AS retried,
    c.cost_usd,
    c.cost_source,
    c.reported_usd,
    c.computed_usd,
    c.difference_usd,
    c.duration_ms,
    c.model,
    c.model_version,
    c.operation,
    c.name,
    c.attempt,
    c.error_type,
    c.error_message,
    c.environment,
    c.variant,
    c.service,
    c.agent,
    c.input_tokens,
    c.output_tokens,
    c.request_id,
    c.session_id,
    c.user_id,
    c.run_id,
    c.trace_id,
    c.span_id
FROM model_calls AS c
LEFT JOIN again AS a
    ON
        a.place = COALESCE(c.trace_id, c.request_id) AND a.attempt = c.attempt + 1
        AND a.parent = COALESCE(c.parent_span_id, '') AND a.effect = COALESCE(c.idempotency_key, '')
        AND a.operation = c.operation AND a.name = c.name
WHERE c.status <> 'ok' OR a.attempt IS NOT NULL
