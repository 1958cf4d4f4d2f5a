-- profile_buckets: how often each value was seen, in buckets: histograms that merge by SUM over any rows of a subject
-- Grain: one row per hour, environment, model, model_version, variant, subject, and bucket or category
-- Columns:
--   hour [UTC, microseconds]  when the hours counted begin
--   hours [count]    how many hours are counted: 1, and 24 where old hours were put together
--   environment
--   model
--   model_version
--   variant
--   subject          what was seen: see profile_subjects
--   scale            numeric: a bucket is 2^(2^-scale) wide, as a factor; 5 until old hours are put together
--   bucket           numeric: 0 holds distances from the origin up to 2^-64; k > 0 those above 2^((k-1)/2^scale - 64)
--                    and up to 2^(k/2^scale - 64); -k the same below the origin
--   category         categorical: the value; __other__: one too rare to be listed; __new__: one that there was not when
--                    the subject was first seen
--   n [count]        values
SELECT
    hour,
    hours,
    environment,
    model,
    model_version,
    variant,
    subject,
    scale,
    bucket,
    category,
    CAST(SUM(n) AS BIGINT) AS n
FROM lake_profile_buckets
GROUP BY hour, hours, environment, model, model_version, variant, subject, scale, bucket, category
