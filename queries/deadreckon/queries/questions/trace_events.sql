-- Every event of some traces.
SELECT
    event_id, ts, event, kind, level, trace_id, span_id, parent_span_id, name, operation, status, duration_ms, ttft_ms,
    model, model_version, agent, tool, attempt, input_tokens, output_tokens, cost_usd, error_type, error_message,
    value, label, source, choice, reason, passed, action, request_id, session_id, user_id, run_id, service,
    environment, variant, input, output
FROM events
WHERE
    date BETWEEN $first_day AND $last_day AND trace_id IN (SELECT unnest($traces))
    AND COALESCE(status, '') <> 'running' AND (kind <> 'log' OR $logs)
ORDER BY ts, event_id
