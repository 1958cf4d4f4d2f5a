-- Model calls of two versions, by operation: how many, how they ended, how long they took, what they used. The bounds of
-- a quantile are order statistics: between them it lies with 95 % confidence, whatever the distribution.
WITH calls AS (
    SELECT *, status IN ('ok', 'timeout') AND duration_ms IS NOT NULL AS timed
    FROM model_calls
    WHERE
        model_version IN ($a, $b)
        AND ($model IS NULL OR model = $model)
        AND ($environment IS NULL OR environment = $environment)
        AND ($since IS NULL OR date >= CAST($since AS DATE))
),
ranked AS (
    SELECT
        operation, model_version, duration_ms,
        row_number() OVER (PARTITION BY operation, model_version ORDER BY duration_ms) AS place,
        count(*) OVER (PARTITION BY operation, model_version) AS n
    FROM calls
    WHERE timed
),
bounds AS (
    SELECT
        operation, model_version, q,
        quantile_cont(duration_ms, 0.5) FILTER (q = 0.5) AS p50,
        quantile_cont(duration_ms, 0.95) FILTER (q = 0.95) AS p95,
        quantile_cont(duration_ms, 0.99) FILTER (q = 0.99) AS p99,
        max(duration_ms) FILTER (place = floor(n * q - 1.96 * sqrt(n * q * (1 - q)))) AS low,
        min(duration_ms) FILTER (place = ceil(n * q + 1.96 * sqrt(n * q * (1 - q))) + 1) AS high
    FROM ranked, (SELECT unnest([0.5, 0.95, 0.99]) AS q)
    GROUP BY ALL
),
latencies AS (
    SELECT operation, model_version, list({'q': q, 'value': coalesce(p50, p95, p99), 'low': low, 'high': high} ORDER BY q) AS latency
    FROM bounds GROUP BY ALL
)
SELECT
    c.operation,
    c.model_version,
    count(*) AS calls,
    count(*) FILTER (c.status <> 'cancelled') AS answered,
    count(*) FILTER (c.failed) AS failed,
    count(*) FILTER (c.attempt > 1) AS retries,
    count(*) FILTER (c.timed) AS timed,
    any_value(l.latency) AS latency,
    count(c.cost_usd) AS priced,
    avg(c.cost_usd) AS cost_mean,
    stddev_samp(c.cost_usd) AS cost_sd,
    count(*) FILTER (c.cost_source = 'unpriced') AS unpriced,
    count(c.input_tokens) AS input_n, avg(c.input_tokens) AS input_mean, stddev_samp(c.input_tokens) AS input_sd,
    count(c.output_tokens) AS output_n, avg(c.output_tokens) AS output_mean, stddev_samp(c.output_tokens) AS output_sd
FROM calls AS c
LEFT JOIN latencies AS l ON l.operation = c.operation AND l.model_version = c.model_version
GROUP BY c.operation, c.model_version
ORDER BY count(*) DESC, 1, 2
