-- Input features that are far from their first week, by the Kolmogorov-Smirnov distance of each later day, from profiles;
-- a distance is far that chance would reach on one day of a million.
WITH counted AS (
    SELECT
        subject,
        CAST(hour AS DATE) AS day,
        bucket,
        SUM(n) AS n
    FROM profile_buckets
    WHERE subject LIKE 'feature:%' AND bucket IS NOT NULL
    GROUP BY subject, day, bucket
),
week AS (SELECT MIN(day) + 7 AS ends FROM counted),
before AS (
    SELECT
        counted.subject,
        counted.bucket,
        SUM(counted.n) AS n
    FROM counted, week
    WHERE counted.day < week.ends
    GROUP BY counted.subject, counted.bucket
),
sizes AS (
    SELECT
        subject,
        day,
        SUM(n) AS n_current,
        (SELECT SUM(before.n) FROM before WHERE before.subject = counted.subject) AS n_reference
    FROM counted
    WHERE day >= (SELECT ends FROM week)
    GROUP BY subject, day
),
stepped AS (
    SELECT
        sizes.subject,
        sizes.day,
        counted.bucket,
        CAST(counted.n AS DOUBLE) / sizes.n_current AS step
    FROM sizes
    INNER JOIN counted ON sizes.subject = counted.subject AND sizes.day = counted.day
    UNION ALL
    SELECT
        sizes.subject,
        sizes.day,
        before.bucket,
        -CAST(before.n AS DOUBLE) / sizes.n_reference AS step
    FROM sizes
    INNER JOIN before ON sizes.subject = before.subject
),
summed AS (
    SELECT
        subject,
        day,
        SUM(SUM(step)) OVER (PARTITION BY subject, day ORDER BY bucket) AS gap
    FROM stepped
    GROUP BY subject, day, bucket
),
distances AS (
    SELECT
        subject,
        day,
        MAX(ABS(gap)) AS ks
    FROM summed
    GROUP BY subject, day
),
judged AS (
    SELECT
        distances.subject,
        distances.day,
        distances.ks,
        SQRT(-LN(0.5e-6) / 2 * (1.0 / sizes.n_current + 1.0 / sizes.n_reference)) AS far
    FROM distances
    INNER JOIN sizes ON distances.subject = sizes.subject AND distances.day = sizes.day
)
SELECT
    subject,
    MIN(day) AS since,
    COUNT(*) AS days_far,
    ARG_MIN(ks, day) AS ks,
    ARG_MIN(far, day) AS far,
    (SELECT COUNT(*) FROM judged) AS looked_at
FROM judged
WHERE ks > far
GROUP BY subject
ORDER BY since, subject
