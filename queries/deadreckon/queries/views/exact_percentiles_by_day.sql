-- exact_percentiles_by_day: exact quantiles of the measures of all events by the day; percentiles_by_day answers at
-- once from the profiles, within a stated error
-- Grain: one row per date, environment, model, model_version and subject
-- Columns:
--   date             the day, in UTC
--   environment
--   model
--   model_version
--   subject          latency_ms (duration_ms of any event), ttft_ms, cost_usd, input_tokens or output_tokens;
--                    see measures for why there are no features
--   n [count]        finite values
--   mean             of them
--   min              the smallest
--   max              the largest
--   p50              half of the values are at most this
--   p90              90 % of the values are at most this
--   p95              95 % of the values are at most this
--   p99              99 % of the values are at most this
--   p99_9            99.9 % of the values are at most this
SELECT
    date,
    environment,
    model,
    model_version,
    subject,
    COUNT(*) AS n,
    AVG(value) AS mean,
    MIN(value) AS min,
    MAX(value) AS max,
    exact_quantile(value, 0.5) AS p50,
    exact_quantile(value, 0.9) AS p90,
    exact_quantile(value, 0.95) AS p95,
    exact_quantile(value, 0.99) AS p99,
    exact_quantile(value, 0.999) AS p99_9
FROM measures
GROUP BY date, environment, model, model_version, subject
