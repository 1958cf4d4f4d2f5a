-- exact_percentiles_by_version: exact quantiles of the measures of all events over all time; percentiles_by_version answers at
-- once from the profiles, within a stated error
-- Grain: one row per environment, model, model_version and subject
-- Columns:
--   environment
--   model
--   model_version
--   subject          latency_ms (duration_ms of any event), ttft_ms, cost_usd, input_tokens or output_tokens
--   n [count]        finite values
--   mean             of them
--   min              the smallest
--   max              the largest
--   p50              half of the values are at most this
--   p90              90 % of the values are at most this
--   p95              95 % of the values are at most this
--   p99              99 % of the values are at most this
--   p99_9            99.9 % of the values are at most this
WITH measures AS (
    SELECT
        environment,
        model,
        model_version,
        'latency_ms' AS subject,
        CAST(duration_ms AS DOUBLE) AS x
    FROM events
    WHERE duration_ms IS NOT NULL
    UNION ALL
    SELECT
        environment,
        model,
        model_version,
        'ttft_ms' AS subject,
        CAST(ttft_ms AS DOUBLE) AS x
    FROM events
    WHERE ttft_ms IS NOT NULL
    UNION ALL
    SELECT
        environment,
        model,
        model_version,
        'cost_usd' AS subject,
        CAST(cost_usd AS DOUBLE) AS x
    FROM events
    WHERE cost_usd IS NOT NULL
    UNION ALL
    SELECT
        environment,
        model,
        model_version,
        'input_tokens' AS subject,
        CAST(input_tokens AS DOUBLE) AS x
    FROM events
    WHERE input_tokens IS NOT NULL
    UNION ALL
    SELECT
        environment,
        model,
        model_version,
        'output_tokens' AS subject,
        CAST(output_tokens AS DOUBLE) AS x
    FROM events
    WHERE output_tokens IS NOT NULL
)
SELECT
    environment,
    model,
    model_version,
    subject,
    COUNT(*) AS n,
    AVG(x) AS mean,
    MIN(x) AS min,
    MAX(x) AS max,
    exact_quantile(x, 0.5) AS p50,
    exact_quantile(x, 0.9) AS p90,
    exact_quantile(x, 0.95) AS p95,
    exact_quantile(x, 0.99) AS p99,
    exact_quantile(x, 0.999) AS p99_9
FROM measures
WHERE x - x = 0
GROUP BY environment, model, model_version, subject
