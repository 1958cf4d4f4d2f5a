-- The traces in which an id of one kind stands, earliest first, with the days over which each goes. Feedback and
-- scores that are in no trace lead to those of their request.
WITH named AS (
    SELECT trace_id, request_id
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
meant AS (
    SELECT trace_id FROM named WHERE trace_id IS NOT NULL
    UNION
    SELECT e.trace_id
    FROM events AS e
    WHERE
        e.trace_id IS NOT NULL AND NOT EXISTS (FROM named WHERE trace_id IS NOT NULL)
        AND e.request_id IN (SELECT request_id FROM named)
)
SELECT trace_id, min(date) AS first_day, max(date) AS last_day
FROM events
WHERE trace_id IN (FROM meant)
GROUP BY trace_id
ORDER BY min(ts), trace_id
