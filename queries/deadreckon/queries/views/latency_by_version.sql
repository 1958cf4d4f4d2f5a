-- latency_by_version: how long answers of each model version take. Over calls that were answered or timed out: a user
-- waits for both, while an error may come at once and a cancelled call says nothing about the model. Exact quantiles
-- Grain: one row per environment, model, model_version, variant and operation
-- Columns:
--   environment
--   model
--   model_version
--   variant
--   operation
--   calls [count]    calls measured: status ok or timeout, with a duration
--   p50_ms [milliseconds]  half of the calls took at most this
--   p90_ms [milliseconds]  90 % of the calls took at most this
--   p95_ms [milliseconds]  95 % of the calls took at most this
--   p99_ms [milliseconds]  99 % of the calls took at most this
--   mean_ms [milliseconds]  the mean
--   max_ms [milliseconds]  the longest
--   ttft_calls [count]  calls with a time to the first token
--   ttft_p50_ms [milliseconds]  median time to the first token
--   ttft_p90_ms [milliseconds]  90 % had their first token by then
--   ttft_p95_ms [milliseconds]  95 % had their first token by then
--   ttft_p99_ms [milliseconds]  99 % had their first token by then
--   first_ts [UTC, microseconds]  the earliest call measured
--   last_ts [UTC, microseconds]  the latest call measured
SELECT
    environment,
    model,
    model_version,
    variant,
    operation,
    COUNT(*) AS calls,
    exact_quantile(duration_ms, 0.5) AS p50_ms,
    exact_quantile(duration_ms, 0.9) AS p90_ms,
    exact_quantile(duration_ms, 0.95) AS p95_ms,
    exact_quantile(duration_ms, 0.99) AS p99_ms,
    AVG(duration_ms) AS mean_ms,
    MAX(duration_ms) AS max_ms,
    COUNT(ttft_ms) AS ttft_calls,
    exact_quantile(ttft_ms, 0.5) AS ttft_p50_ms,
    exact_quantile(ttft_ms, 0.9) AS ttft_p90_ms,
    exact_quantile(ttft_ms, 0.95) AS ttft_p95_ms,
    exact_quantile(ttft_ms, 0.99) AS ttft_p99_ms,
    MIN(ts) AS first_ts,
    MAX(ts) AS last_ts
FROM model_calls
WHERE status IN ('ok', 'timeout') AND duration_ms IS NOT NULL
GROUP BY environment, model, model_version, variant, operation
