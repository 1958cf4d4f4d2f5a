-- Calls, failures, latency and cost per model version in a period, and the same over all versions in the row without a
-- label; `past` is the period before it, which is asked for in the same pass. The definitions are those of the views
-- latency_by_version, errors_by_version and cost_by_version.
WITH chosen AS (
    SELECT
        *,
        COALESCE(NULLIF(CONCAT_WS(' ', model, model_version), ''), '(no model)') AS label,
        ts < $start AS past
    FROM model_calls
    WHERE
        ts >= $before AND ts < $end
        AND date BETWEEN CAST(CAST($before AS TIMESTAMPTZ) AS DATE) AND CAST(CAST($end AS TIMESTAMPTZ) AS DATE)
        AND (CAST($environment AS VARCHAR) IS NULL OR environment = $environment)
)
SELECT
    past,
    label,
    CASE WHEN GROUPING(label) = 0 THEN ANY_VALUE(model) END AS model,
    CASE WHEN GROUPING(label) = 0 THEN ANY_VALUE(model_version) END AS model_version,
    COUNT(*) AS calls,
    COUNT(*) FILTER (WHERE failed) AS failed,
    COUNT(*) FILTER (WHERE status = 'cancelled') AS cancelled,
    COUNT(*) FILTER (WHERE failed)
    / NULLIF(CAST(COUNT(*) FILTER (WHERE status <> 'cancelled') AS DOUBLE), 0) AS error_rate,
    COUNT(*) FILTER (WHERE attempt > 1) AS retries,
    exact_quantile(CASE WHEN status IN ('ok', 'timeout') THEN duration_ms END, 0.5) AS p50_ms,
    exact_quantile(CASE WHEN status IN ('ok', 'timeout') THEN duration_ms END, 0.95) AS p95_ms,
    exact_quantile(CASE WHEN status IN ('ok', 'timeout') THEN duration_ms END, 0.99) AS p99_ms,
    exact_quantile(CASE WHEN status IN ('ok', 'timeout') THEN ttft_ms END, 0.5) AS ttft_p50_ms,
    SUM(cost_usd) AS cost_usd,
    AVG(cost_usd) AS cost_per_call_usd,
    COUNT(*) FILTER (WHERE cost_source = 'unpriced') AS unpriced,
    CAST(SUM(input_tokens) AS BIGINT) AS input_tokens,
    CAST(SUM(output_tokens) AS BIGINT) AS output_tokens
FROM chosen
WHERE LEN(CAST($versions AS VARCHAR[])) = 0 OR LIST_CONTAINS(CAST($versions AS VARCHAR[]), label)
GROUP BY GROUPING SETS ((past, label), (past))
ORDER BY calls DESC, label
