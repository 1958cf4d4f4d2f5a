-- Every event of some traces, and what their requests have beside them (feedback, scores of other services).
SELECT
    event_id, ts, event, kind, level, trace_id, span_id, parent_span_id, name, operation, status, duration_ms, ttft_ms,
    model, model_version, agent, tool, attempt, input_tokens, output_tokens, cost_usd, error_type, error_message,
    value, label, source, choice, reason, passed, action, request_id, session_id, user_id, run_id, service,
    environment, variant, input, output
FROM events
WHERE
    (list_contains($traces, trace_id) AND (kind <> 'log' OR $logs))
    OR (
        trace_id IS NULL AND kind IN ('feedback', 'score', 'contract', 'decision', 'prediction')
        AND request_id IN (SELECT request_id FROM events WHERE list_contains($traces, trace_id))
    )
ORDER BY ts, event_id
