-- percentiles: quantiles of every numeric subject by the hour, by the day and over all time, from the profiles: no event is
-- read, and each states how far it can be from the exact one. percentiles_by_hour, percentiles_by_day and
-- percentiles_by_version are its three parts
-- Grain: one row per grain, hour or date, environment, model, model_version and subject
-- Columns:
--   grain            hour, day or version (all time): which rows to take; each has everything in it
--   hour [UTC, microseconds]  of grain hour: when the hours counted begin
--   hours [count]    of grain hour: how many hours are counted: 1, and 24 where old hours were put together
--   date             of grain day: the day, in UTC
--   environment
--   model
--   model_version
--   subject          latency_ms, ttft_ms, cost_usd, input_tokens, output_tokens, or another of profile_subjects
--   n [count]        finite values
--   mean             exact
--   min              exact
--   max              exact
--   p50              half of the values are at most this, within p50_error
--   p50_error        how far p50 can be from the exact quantile, at most
--   p90              90 % of the values are at most this, within p90_error
--   p90_error        how far p90 can be from the exact quantile, at most
--   p95              95 % of the values are at most this, within p95_error
--   p95_error        how far p95 can be from the exact quantile, at most
--   p99              99 % of the values are at most this, within p99_error
--   p99_error        how far p99 can be from the exact quantile, at most
--   p99_9            99.9 % of the values are at most this, within p99_9_error
--   p99_9_error      how far p99_9 can be from the exact quantile, at most
WITH summaries AS (
    SELECT 'hour' AS grain, hour, hours, CAST(NULL AS DATE) AS date, environment, model, model_version, subject, n, sum, min, max
    FROM lake_profile_summaries
    UNION ALL
    SELECT
        'day' AS grain, CAST(NULL AS TIMESTAMPTZ) AS hour, CAST(NULL AS BIGINT) AS hours, CAST(hour AS DATE) AS date,
        environment, model, model_version, subject, n, sum, min, max
    FROM lake_profile_summaries
    UNION ALL
    SELECT
        'version' AS grain, CAST(NULL AS TIMESTAMPTZ) AS hour, CAST(NULL AS BIGINT) AS hours, CAST(NULL AS DATE) AS date,
        environment, model, model_version, subject, n, sum, min, max
    FROM lake_profile_summaries
),
buckets AS (
    SELECT 'hour' AS grain, hour, hours, CAST(NULL AS DATE) AS date, environment, model, model_version, subject, scale, bucket, n
    FROM lake_profile_buckets
    UNION ALL
    SELECT
        'day' AS grain, CAST(NULL AS TIMESTAMPTZ) AS hour, CAST(NULL AS BIGINT) AS hours, CAST(hour AS DATE) AS date,
        environment, model, model_version, subject, scale, bucket, n
    FROM lake_profile_buckets
    UNION ALL
    SELECT
        'version' AS grain, CAST(NULL AS TIMESTAMPTZ) AS hour, CAST(NULL AS BIGINT) AS hours, CAST(NULL AS DATE) AS date,
        environment, model, model_version, subject, scale, bucket, n
    FROM lake_profile_buckets
),
summed AS (
    SELECT
        s.grain,
        s.hour,
        s.hours,
        s.date,
        s.environment,
        s.model,
        s.model_version,
        s.subject,
        SUM(s.sum) / SUM(s.n) AS mean,
        MIN(s.min) AS least,
        MAX(s.max) AS most,
        MIN(f.origin) AS origin
    FROM summaries AS s
    JOIN profile_subjects AS f ON f.subject = s.subject
    WHERE f.kind = 'numeric' AND s.n > 0
    GROUP BY s.grain, s.hour, s.hours, s.date, s.environment, s.model, s.model_version, s.subject
),
counted AS (
    SELECT
        grain,
        hour,
        hours,
        date,
        environment,
        model,
        model_version,
        subject,
        scale,
        bucket,
        SUM(n) AS n
    FROM buckets
    WHERE bucket IS NOT NULL
    GROUP BY grain, hour, hours, date, environment, model, model_version, subject, scale, bucket
),
scaled AS (
    SELECT *, MIN(scale) OVER (PARTITION BY grain, hour, hours, date, environment, model, model_version, subject) AS coarsest
    FROM counted
),
aligned AS (
    SELECT
        grain, hour, hours, date, environment, model, model_version, subject, coarsest, bucket_at(bucket, scale, coarsest) AS place, SUM(n) AS n
    FROM scaled
    GROUP BY grain, hour, hours, date, environment, model, model_version, subject, coarsest, bucket_at(bucket, scale, coarsest)
),
placed AS (
    SELECT
        *,
        SUM(n) OVER (PARTITION BY grain, hour, hours, date, environment, model, model_version, subject ORDER BY place ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS upto,
        SUM(n) OVER (PARTITION BY grain, hour, hours, date, environment, model, model_version, subject) AS total
    FROM aligned
),
bounded AS (
    SELECT
        b.grain,
        b.hour,
        b.hours,
        b.date,
        b.environment,
        b.model,
        b.model_version,
        b.subject,
        CAST(b.n AS DOUBLE) AS n,
        CAST(b.upto AS DOUBLE) AS upto,
        CAST(b.total AS DOUBLE) AS total,
        s.mean,
        s.least,
        s.most,
        GREATEST(bucket_low(b.place, b.coarsest) + s.origin, s.least) AS low,
        LEAST(bucket_high(b.place, b.coarsest) + s.origin, s.most) AS high
    FROM placed AS b
    JOIN summed AS s
        ON s.grain = b.grain
        AND s.hour IS NOT DISTINCT FROM b.hour
        AND s.hours IS NOT DISTINCT FROM b.hours
        AND s.date IS NOT DISTINCT FROM b.date
        AND s.environment IS NOT DISTINCT FROM b.environment
        AND s.model IS NOT DISTINCT FROM b.model
        AND s.model_version IS NOT DISTINCT FROM b.model_version
        AND s.subject = b.subject
),
edges AS (
    SELECT
        grain,
        hour,
        hours,
        date,
        environment,
        model,
        model_version,
        subject,
        CAST(MAX(total) AS BIGINT) AS n,
        MAX(mean) AS mean,
        MAX(least) AS min,
        MAX(most) AS max,
        quantile_edge(low, n, upto, total, 0.5) AS p50_low,
        quantile_edge(high, n, upto, total, 0.5) AS p50_high,
        quantile_edge(low, n, upto, total, 0.9) AS p90_low,
        quantile_edge(high, n, upto, total, 0.9) AS p90_high,
        quantile_edge(low, n, upto, total, 0.95) AS p95_low,
        quantile_edge(high, n, upto, total, 0.95) AS p95_high,
        quantile_edge(low, n, upto, total, 0.99) AS p99_low,
        quantile_edge(high, n, upto, total, 0.99) AS p99_high,
        quantile_edge(low, n, upto, total, 0.999) AS p99_9_low,
        quantile_edge(high, n, upto, total, 0.999) AS p99_9_high
    FROM bounded
    GROUP BY grain, hour, hours, date, environment, model, model_version, subject
)
SELECT
    grain,
    hour,
    hours,
    date,
    environment,
    model,
    model_version,
    subject,
    n,
    mean,
    min,
    max,
    (p50_low + p50_high) / 2 AS p50,
    (p50_high - p50_low) / 2 AS p50_error,
    (p90_low + p90_high) / 2 AS p90,
    (p90_high - p90_low) / 2 AS p90_error,
    (p95_low + p95_high) / 2 AS p95,
    (p95_high - p95_low) / 2 AS p95_error,
    (p99_low + p99_high) / 2 AS p99,
    (p99_high - p99_low) / 2 AS p99_error,
    (p99_9_low + p99_9_high) / 2 AS p99_9,
    (p99_9_high - p99_9_low) / 2 AS p99_9_error
FROM edges
