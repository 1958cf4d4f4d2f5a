-- The requests of a period, and of the one before it (`past`): how many, how many failed, how long they took. Latency is over those that were answered or
-- timed out, as everywhere.
SELECT
    started_at < $start AS past,
    COUNT(*) AS requests,
    COUNT(*) FILTER (WHERE status IN ('error', 'timeout')) AS failed,
    COUNT(*) FILTER (WHERE status = 'cancelled') AS cancelled,
    exact_quantile(CASE WHEN status IN ('ok', 'timeout') THEN duration_ms END, 0.5) AS p50_ms,
    exact_quantile(CASE WHEN status IN ('ok', 'timeout') THEN duration_ms END, 0.95) AS p95_ms
FROM requests
WHERE
    started_at >= $before AND started_at < $end
    AND (CAST($environment AS VARCHAR) IS NULL OR environment = $environment)
    AND (
        LEN(CAST($versions AS VARCHAR[])) = 0
        OR LIST_CONTAINS(
            CAST($versions AS VARCHAR[]), COALESCE(NULLIF(CONCAT_WS(' ', model, model_version), ''), '(no model)')
        )
    )
GROUP BY past
