-- How fast, how reliable and how dear each version answers, by its role. `calls` are all of them, as the error rate sees
-- them; the quantiles are of those that were answered or timed out. Sums of doubles depend on
-- their order in the last digits, so they are rounded.
SELECT
    l.model_version,
    l.variant,
    e.calls,
    l.p50_ms,
    l.p95_ms,
    l.ttft_p50_ms,
    e.error_rate,
    ROUND(c.cost_per_call_usd, 9) AS cost_per_call_usd,
    ROUND(c.cost_usd, 9) AS cost_usd
FROM latency_by_version AS l
INNER JOIN errors_by_version AS e
    ON e.model = l.model AND e.model_version = l.model_version AND e.variant = l.variant AND e.operation = l.operation
INNER JOIN cost_by_version AS c
    ON c.model = l.model AND c.model_version = l.model_version AND c.variant = l.variant AND c.operation = l.operation
WHERE l.model = 'tern-assist' AND l.operation = 'chat'
ORDER BY l.model_version, c.first_ts
