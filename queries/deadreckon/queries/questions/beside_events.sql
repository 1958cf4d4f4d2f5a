-- What was said about some requests outside any trace: clicks, scores of other services.
SELECT
    event_id, ts, event, kind, level, trace_id, span_id, parent_span_id, name, operation, status, duration_ms, ttft_ms,
    model, model_version, agent, tool, attempt, input_tokens, output_tokens, cost_usd, error_type,
    left(error_message, 2000) AS error_message,
    value, label, source, choice, reason, passed, action, request_id, session_id, user_id, run_id, service,
    environment, variant,
    -- A step may hold megabytes: an answer has room for many steps.
    left(input, 10000) AS input, length(input) AS input_length,
    COALESCE(input_hash, md5(input)) AS input_hash,
    left(output, 10000) AS output, length(output) AS output_length,
    COALESCE(output_hash, md5(output)) AS output_hash
FROM events
WHERE
    trace_id IS NULL AND request_id IN (SELECT unnest($requests))
    AND kind IN ('feedback', 'score', 'contract', 'decision', 'prediction')
ORDER BY ts, event_id
