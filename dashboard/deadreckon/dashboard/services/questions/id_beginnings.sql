-- IDs that begin with what was typed: for IDs that were cut off on their way.
SELECT DISTINCT field, id
FROM (
    SELECT UNNEST([
        {'field': 'trace', 'id': trace_id},
        {'field': 'request', 'id': request_id},
        {'field': 'session', 'id': session_id},
        {'field': 'run', 'id': run_id}
    ], recursive := true)
    FROM events
    WHERE
        STARTS_WITH(trace_id, $id) OR STARTS_WITH(request_id, $id)
        OR STARTS_WITH(session_id, $id) OR STARTS_WITH(run_id, $id)
)
WHERE STARTS_WITH(id, $id)
ORDER BY field, id
LIMIT 20
