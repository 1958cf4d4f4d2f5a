-- Calls, failures, latency and cost per model version and bucket of time; a bucket is named by its beginning, in
-- seconds since 1970.
WITH chosen AS (
    SELECT
        *,
        COALESCE(NULLIF(CONCAT_WS(' ', model, model_version), ''), '(no model)') AS label,
        CAST(FLOOR(EPOCH(ts) / $step_s) AS BIGINT) * CAST($step_s AS BIGINT) AS bucket_s
    FROM model_calls
    WHERE
        ts >= $start AND ts < $end
        AND date BETWEEN CAST(CAST($start AS TIMESTAMPTZ) AS DATE) AND CAST(CAST($end AS TIMESTAMPTZ) AS DATE)
        AND (CAST($environment AS VARCHAR) IS NULL OR environment = $environment)
)
SELECT
    bucket_s,
    label,
    COUNT(*) AS calls,
    COUNT(*) FILTER (WHERE failed) AS failed,
    COUNT(*) FILTER (WHERE failed)
    / NULLIF(CAST(COUNT(*) FILTER (WHERE status <> 'cancelled') AS DOUBLE), 0) AS error_rate,
    exact_quantile(CASE WHEN status IN ('ok', 'timeout') THEN duration_ms END, 0.5) AS p50_ms,
    exact_quantile(CASE WHEN status IN ('ok', 'timeout') THEN duration_ms END, 0.95) AS p95_ms,
    SUM(cost_usd) AS cost_usd
FROM chosen
WHERE LIST_CONTAINS(CAST($versions AS VARCHAR[]), label)
GROUP BY bucket_s, label
ORDER BY bucket_s, label
