-- profile_summaries: exact counts and sums of what was seen, without any event being read. The values seen are
-- n + n_nan + n_posinf + n_neginf + n_other. A feature or output that an event of the model lacks is null there
-- Grain: one row per hour, environment, model, model_version, variant and subject
-- Columns:
--   hour [UTC, microseconds]  when the hours counted begin
--   hours [count]    how many hours are counted: 1, and 24 where old hours were put together
--   environment
--   model
--   model_version
--   variant
--   subject          what was seen: see profile_subjects
--   n [count]        finite numbers, or texts where the subject is categorical
--   n_null [count]   null or absent, where it could have been: features of events with features, scores without a value
--   n_nan [count]    not a number
--   n_posinf [count]  infinity
--   n_neginf [count]  minus infinity
--   n_other [count]  of the other kind: texts where numbers are expected, and numbers (counted as categories, too)
--                    where texts are
--   sum              of the finite numbers
--   sum_sq           of their squares
--   min              the smallest
--   max              the largest
WITH counted AS (
    SELECT
        hour,
        hours,
        environment,
        model,
        model_version,
        variant,
        subject,
        CAST(SUM(n) AS BIGINT) AS n,
        CAST(SUM(n_null) AS BIGINT) AS n_null,
        CAST(SUM(n_nan) AS BIGINT) AS n_nan,
        CAST(SUM(n_posinf) AS BIGINT) AS n_posinf,
        CAST(SUM(n_neginf) AS BIGINT) AS n_neginf,
        CAST(SUM(n_other) AS BIGINT) AS n_other,
        SUM(sum) AS sum,
        SUM(sum_sq) AS sum_sq,
        MIN(min) AS min,
        MAX(max) AS max
    FROM lake_profile_summaries
    GROUP BY hour, hours, environment, model, model_version, variant, subject
),
named AS (
    SELECT DISTINCT
        subject,
        model,
        CASE WHEN subject LIKE 'feature:%' THEN 'features' ELSE 'outputs' END AS carrier
    FROM lake_profile_summaries
    WHERE subject LIKE 'feature:%' OR subject LIKE 'output:%'
)
SELECT
    hour,
    hours,
    environment,
    model,
    model_version,
    variant,
    subject,
    n,
    n_null,
    n_nan,
    n_posinf,
    n_neginf,
    n_other,
    sum,
    sum_sq,
    min,
    max
FROM counted
WHERE NOT (subject LIKE 'feature:%' OR subject LIKE 'output:%' OR subject IN ('features', 'outputs'))
UNION ALL
SELECT
    events.hour,
    events.hours,
    events.environment,
    events.model,
    events.model_version,
    events.variant,
    named.subject,
    COALESCE(c.n, 0) AS n,
    GREATEST(events.n - COALESCE(c.n + c.n_nan + c.n_posinf + c.n_neginf + c.n_other, 0), 0) AS n_null,
    COALESCE(c.n_nan, 0) AS n_nan,
    COALESCE(c.n_posinf, 0) AS n_posinf,
    COALESCE(c.n_neginf, 0) AS n_neginf,
    COALESCE(c.n_other, 0) AS n_other,
    c.sum,
    c.sum_sq,
    c.min,
    c.max
FROM counted AS events
JOIN named ON named.carrier = events.subject AND named.model IS NOT DISTINCT FROM events.model
LEFT JOIN counted AS c
    ON
        c.subject = named.subject
        AND c.hour = events.hour
        AND c.hours = events.hours
        AND c.environment IS NOT DISTINCT FROM events.environment
        AND c.model IS NOT DISTINCT FROM events.model
        AND c.model_version IS NOT DISTINCT FROM events.model_version
        AND c.variant IS NOT DISTINCT FROM events.variant
WHERE events.subject IN ('features', 'outputs')
