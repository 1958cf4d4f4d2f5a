-- percentiles_by_day: quantiles of every numeric subject by the day, from the profiles: no event is read, and each
-- states how far it can be from the exact one; exact_percentiles_by_day reads the events
-- Grain: one row per date, environment, model, model_version and subject
-- Columns:
--   date             the day, in UTC
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
SELECT
    date,
    environment,
    model,
    model_version,
    subject,
    n,
    mean,
    min,
    max,
    p50,
    p50_error,
    p90,
    p90_error,
    p95,
    p95_error,
    p99,
    p99_error,
    p99_9,
    p99_9_error
FROM percentiles
WHERE grain = 'day'
