-- The spans of a trace. Tokens and cost are those of model calls: an agent's span may repeat what its calls used.
SELECT
    s.event_id,
    s.ts,
    s.end_ts,
    s.duration_ms,
    s.span_id,
    s.parent_span_id,
    s.name,
    s.operation,
    s.status,
    s.error_type,
    s.agent,
    s.tool,
    COALESCE(s.model, m.model) AS model,
    s.model_version,
    s.attempt,
    m.event_id IS NOT NULL AS is_model_call,
    m.input_tokens,
    m.output_tokens,
    m.ttft_ms,
    m.cost_usd,
    m.cost_source
FROM spans AS s
LEFT JOIN model_calls AS m ON m.event_id = s.event_id AND m.trace_id = $trace
WHERE s.trace_id = $trace
ORDER BY s.ts, s.event_id
LIMIT 5000
