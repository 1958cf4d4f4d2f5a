-- spans: timed steps of traces: model calls, tool calls, agent turns, retrievals and whatever else was traced
-- Grain: one row per finished span
-- Columns:
--   event_id
--   ts               when it began
--   end_ts [UTC, microseconds]  when it ended: ts + duration_ms; ts where that is NULL
--   duration_ms      NULL where what was written is none: below zero, not finite, or above 30 years
--   trace_id
--   span_id
--   parent_span_id
--   name             the span's name; where it has none its event, tool or operation
--   operation
--   status           ok, error, cancelled or timeout; where the line says nothing, error if it has an error_type, else ok
--   error_type
--   error_message
--   agent
--   tool
--   model
--   model_version
--   provider
--   ttft_ms
--   input_tokens     as this span states them: an agent's root span may repeat what its model calls used; sum llm_calls
--   output_tokens    as this span states them; sum llm_calls instead
--   cost_usd         as this span states it; sum llm_calls instead
--   attempt
--   idempotency_key
--   request_id
--   session_id
--   user_id
--   run_id
--   environment
--   variant
--   service
--   host
--   attributes
--   input
--   input_hash
--   output
--   output_hash
--   date
SELECT
    event_id,
    ts,
    add_ms(ts, COALESCE(sane_ms(duration_ms), 0)) AS end_ts,
    sane_ms(duration_ms) AS duration_ms,
    trace_id,
    span_id,
    parent_span_id,
    COALESCE(name, event, tool, operation) AS name,
    operation,
    status_of(status, error_type) AS status,
    error_type,
    error_message,
    agent,
    tool,
    model,
    model_version,
    provider,
    ttft_ms,
    input_tokens,
    output_tokens,
    cost_usd,
    attempt,
    idempotency_key,
    request_id,
    session_id,
    user_id,
    run_id,
    environment,
    variant,
    service,
    host,
    attributes,
    input,
    input_hash,
    output,
    output_hash,
    date
FROM events
WHERE kind = 'span' AND COALESCE(status, '') <> 'running'
