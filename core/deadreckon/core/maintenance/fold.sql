-- The rows of a month of profiles summed, old ones by the day and in buckets of a coarser scale. A bucket of a scale is
-- made of 2^k whole buckets of the scale that is finer by k, so that what is counted together stays exact.
-- bucket
SELECT
    CASE WHEN $old THEN date_trunc('day', hour) ELSE hour END AS hour,
    CASE WHEN $old THEN 24 ELSE hours END::TINYINT AS hours,
    environment,
    model,
    model_version,
    variant,
    subject,
    CASE WHEN $old THEN least(scale, $scale) ELSE scale END::TINYINT AS scale,
    CASE
        WHEN $old AND bucket <> 0 AND scale > $scale
            THEN sign(bucket) * (((abs(bucket) - 1) >> (scale - $scale)) + 1)
        ELSE bucket
    END::INTEGER AS bucket,
    category,
    sum(n)::BIGINT AS n
FROM rows
GROUP BY ALL
ORDER BY subject, hour, environment, model, model_version, variant, bucket, category;
-- summary
SELECT
    CASE WHEN $old THEN date_trunc('day', hour) ELSE hour END AS hour,
    CASE WHEN $old THEN 24 ELSE hours END::TINYINT AS hours,
    environment,
    model,
    model_version,
    variant,
    subject,
    sum(n)::BIGINT AS n,
    sum(n_null)::BIGINT AS n_null,
    sum(n_nan)::BIGINT AS n_nan,
    sum(n_posinf)::BIGINT AS n_posinf,
    sum(n_neginf)::BIGINT AS n_neginf,
    sum(n_other)::BIGINT AS n_other,
    sum(sum) AS sum,
    sum(sum_sq) AS sum_sq,
    min(min) AS min,
    max(max) AS max
FROM rows
GROUP BY ALL
ORDER BY subject, hour, environment, model, model_version, variant;
-- subject
SELECT * FROM rows QUALIFY row_number() OVER (PARTITION BY subject ORDER BY version DESC) = 1 ORDER BY subject;
