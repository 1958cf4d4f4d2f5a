-- One trace, with the columns of the list: asked for by its ID alone, the view reads nothing else.
SELECT
    trace_id,
    started_at,
    duration_ms,
    name,
    status,
    spans,
    failed_spans,
    cancelled_spans,
    llm_calls,
    tool_calls,
    input_tokens,
    output_tokens,
    cost_usd,
    unpriced_calls,
    request_id,
    session_id,
    user_id,
    agent,
    service,
    environment,
    variant,
    model_version,
    1 AS found
FROM traces
WHERE trace_id = $trace
