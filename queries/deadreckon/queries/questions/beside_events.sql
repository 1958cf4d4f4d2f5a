-- What was said about some requests outside any trace: clicks, scores of other services.
SELECT
    event_id, ts, event, kind, level, trace_id, span_id, parent_span_id, name, operation, status, duration_ms, ttft_ms,
    model, model_version, agent, tool, attempt, input_tokens, output_tokens, cost_usd, error_type, error_message,
    value, label, source, choice, reason, passed, action, request_id, session_id, user_id, run_id, service,
    environment, variant, input, output
FROM events
WHERE
    trace_id IS NULL AND request_id IN (SELECT unnest($requests))
    AND kind IN ('feedback', 'score', 'contract', 'decision', 'prediction')
ORDER BY ts, event_id
