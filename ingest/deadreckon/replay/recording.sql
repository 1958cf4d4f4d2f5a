-- The spans of one trace, whole: what was asked and answered at each step.
SELECT
    trace_id, span_id, parent_span_id, ts, name, event, operation, tool, agent, status, error_type, error_message,
    duration_ms, model, model_version, provider, finish_reason, input_tokens, output_tokens, cache_read_tokens,
    cache_write_tokens, reasoning_tokens, cost_usd, environment, service,
    input, input_length, input_hash, output, output_length, output_hash,
    json_text(attributes, 'output_type') AS output_type
FROM events
WHERE trace_id = $trace AND kind = 'span'
ORDER BY ts, event_id
