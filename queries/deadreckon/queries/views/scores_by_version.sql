-- scores_by_version: how good the answers of each model version are, by quality and by who judged
-- Grain: one row per model, model_version, variant, name and source
-- Columns:
--   model
--   model_version
--   variant
--   name             the quality judged
--   source
--   scores [count]   all scores
--   valued [count]   scores that have a value
--   mean             of the values
--   sd               sample standard deviation of the values; NULL for fewer than two
--   p10              10 % of the values are at most this
--   p50              the median
--   first_ts [UTC, microseconds]  the earliest score
--   last_ts [UTC, microseconds]  the latest score
SELECT
    model,
    model_version,
    variant,
    name,
    source,
    COUNT(*) AS scores,
    COUNT(value) AS valued,
    AVG(value) AS mean,
    STDDEV_SAMP(value) AS sd,
    exact_quantile(value, 0.1) AS p10,
    exact_quantile(value, 0.5) AS p50,
    MIN(ts) AS first_ts,
    MAX(ts) AS last_ts
FROM scores
GROUP BY model, model_version, variant, name, source
