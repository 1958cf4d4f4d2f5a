-- The traces in which an id of one kind stands, earliest first; a feedback's or score's are those of its request.
WITH named AS (
    SELECT trace_id, request_id, ts
    FROM events
    WHERE
        CASE $kind
            WHEN 'request' THEN request_id
            WHEN 'trace' THEN trace_id
            WHEN 'span' THEN span_id
            WHEN 'session' THEN session_id
            WHEN 'run' THEN run_id
            WHEN 'response' THEN response_id
            WHEN 'event' THEN event_id
        END = $id
),
direct AS (
    SELECT trace_id, min(ts) AS began FROM named WHERE trace_id IS NOT NULL GROUP BY trace_id
),
by_request AS (
    SELECT e.trace_id, min(e.ts) AS began
    FROM events AS e
    WHERE
        e.trace_id IS NOT NULL AND NOT EXISTS (FROM direct)
        AND e.request_id IN (SELECT request_id FROM named)
    GROUP BY e.trace_id
)
SELECT trace_id FROM (FROM direct UNION ALL FROM by_request) ORDER BY began, trace_id
