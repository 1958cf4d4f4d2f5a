-- What an ID is: in which columns it stands, in how many events and traces.
WITH hits AS (
    SELECT
        CASE
            WHEN trace_id = $id THEN 'trace'
            WHEN span_id = $id THEN 'span'
            WHEN request_id = $id THEN 'request'
            WHEN session_id = $id THEN 'session'
            WHEN run_id = $id THEN 'run'
            WHEN event_id = $id THEN 'event'
            WHEN response_id = $id THEN 'response'
            ELSE 'user'
        END AS field,
        trace_id,
        ts
    FROM events
    WHERE $id IN (trace_id, span_id, request_id, session_id, run_id, event_id, response_id, user_id)
),
drawable AS (
    SELECT DISTINCT s.trace_id FROM spans AS s SEMI JOIN hits AS h ON h.trace_id = s.trace_id
)
SELECT
    h.field,
    COUNT(*) AS events,
    COUNT(DISTINCT h.trace_id) AS traces,
    COUNT(DISTINCT d.trace_id) AS drawn,
    ARG_MIN(d.trace_id, h.ts) FILTER (WHERE d.trace_id IS NOT NULL) AS trace_id
FROM hits AS h
LEFT JOIN drawable AS d ON d.trace_id = h.trace_id
GROUP BY h.field
ORDER BY
    CASE h.field
        WHEN 'trace' THEN 0 WHEN 'span' THEN 1 WHEN 'request' THEN 2 WHEN 'session' THEN 3
        WHEN 'run' THEN 4 WHEN 'event' THEN 5 WHEN 'response' THEN 6 ELSE 7
    END
