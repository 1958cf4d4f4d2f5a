-- What else was logged in a trace, or about its request: decisions, contracts, scores, feedback, log lines.
SELECT
    ts,
    kind,
    COALESCE(name, event) AS what,
    COALESCE(
        choice, label, CASE WHEN passed THEN 'passed' WHEN NOT passed THEN 'broken' END, CAST(value AS VARCHAR), level
    ) AS result,
    COALESCE(reason, error_message, action) AS why,
    service
FROM events
WHERE
    kind <> 'span'
    AND (trace_id = $trace OR (CAST($request AS VARCHAR) IS NOT NULL AND request_id = $request))
ORDER BY ts, event_id
LIMIT 500
