-- The events that carry an ID, in order of time.
SELECT ts, kind, COALESCE(event, name) AS event, level, status, model_version, run_id, request_id, trace_id, event_id
FROM events
WHERE $id IN (trace_id, span_id, request_id, session_id, run_id, event_id, response_id, user_id)
ORDER BY ts, event_id
LIMIT 500
