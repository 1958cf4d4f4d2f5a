-- What an id names, and in which traces and requests it stands.
SELECT
    count(*) FILTER (WHERE request_id = $id) AS as_request,
    count(*) FILTER (WHERE trace_id = $id) AS as_trace,
    count(*) FILTER (WHERE span_id = $id) AS as_span,
    count(*) FILTER (WHERE session_id = $id) AS as_session,
    count(*) FILTER (WHERE run_id = $id) AS as_run,
    count(*) FILTER (WHERE response_id = $id) AS as_response,
    count(*) FILTER (WHERE event_id = $id) AS as_event
FROM events
WHERE $id IN (request_id, trace_id, span_id, session_id, run_id, response_id, event_id)
