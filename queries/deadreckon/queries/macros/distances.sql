-- Distances of drift from profiles, as `deadreckon.drift` defines them. DuckDB only: no view uses them.

-- Buckets of a subject in two ranges of time (the ends are not included) side by side, in the order of their values:
-- `low` and `high` hold what is in a bucket; a category has neither. A version selects one model_version of a side.
CREATE OR REPLACE MACRO drift_buckets(
    about, reference_from, reference_to, current_from, current_to, reference_version := NULL, current_version := NULL
) AS TABLE
WITH chosen AS (
    SELECT
        hour >= CAST(reference_from AS TIMESTAMPTZ) AND hour < CAST(reference_to AS TIMESTAMPTZ)
            AND (reference_version IS NULL OR model_version = reference_version) AS is_reference,
        hour >= CAST(current_from AS TIMESTAMPTZ) AND hour < CAST(current_to AS TIMESTAMPTZ)
            AND (current_version IS NULL OR model_version = current_version) AS is_current,
        *
    FROM lake_profile_buckets
    WHERE subject = about
      AND hour >= least(CAST(reference_from AS TIMESTAMPTZ), CAST(current_from AS TIMESTAMPTZ))
      AND hour < greatest(CAST(reference_to AS TIMESTAMPTZ), CAST(current_to AS TIMESTAMPTZ))
),
extremes AS (
    SELECT min(s.min) AS least_value, max(s.max) AS most_value
    FROM lake_profile_summaries AS s
    WHERE s.subject = about AND (
        (s.hour >= CAST(reference_from AS TIMESTAMPTZ) AND s.hour < CAST(reference_to AS TIMESTAMPTZ)
            AND (reference_version IS NULL OR s.model_version = reference_version))
        OR (s.hour >= CAST(current_from AS TIMESTAMPTZ) AND s.hour < CAST(current_to AS TIMESTAMPTZ)
            AND (current_version IS NULL OR s.model_version = current_version))
    )
),
-- The buckets of the coarsest rows: finer ones fit into them exactly.
level AS (SELECT min(scale) AS coarse FROM chosen WHERE is_reference OR is_current),
fitted AS (
    SELECT
        CASE WHEN bucket = 0 THEN 0 ELSE sign(bucket) * (((abs(bucket) - 1) >> (scale - coarse)) + 1) END AS bucket,
        category, is_reference, is_current, n, coarse
    FROM chosen, level
    WHERE is_reference OR is_current
),
counted AS (
    SELECT
        CAST(bucket AS INTEGER) AS bucket, category, any_value(coarse) AS coarse,
        coalesce(CAST(sum(n) FILTER (is_reference) AS BIGINT), 0) AS reference,
        coalesce(CAST(sum(n) FILTER (is_current) AS BIGINT), 0) AS current
    FROM fitted GROUP BY 1, 2
),
sized AS (
    SELECT
        *,
        CASE WHEN bucket = 0 THEN -pow(2.0, -64) ELSE pow(2.0, (abs(bucket) - 1) / pow(2.0, coarse) - 64) END AS inner_end,
        pow(2.0, abs(bucket) / pow(2.0, coarse) - 64) AS outer_end
    FROM counted
)
SELECT
    bucket,
    category,
    greatest(least(CASE WHEN bucket < 0 THEN -outer_end ELSE inner_end END + s.origin, most_value), least_value) AS low,
    greatest(least(CASE WHEN bucket < 0 THEN -inner_end ELSE outer_end END + s.origin, most_value), least_value) AS high,
    reference,
    current
FROM sized, extremes, (SELECT max_by(origin, version) AS origin FROM lake_profile_subjects WHERE subject = about) AS s
ORDER BY bucket, category;

-- Their distances: `low` and `high` are what each certainly lies between, given the values themselves.
CREATE OR REPLACE MACRO drift_distances(
    about, reference_from, reference_to, current_from, current_to, reference_version := NULL, current_version := NULL
) AS TABLE
WITH side_by_side AS (
    SELECT
        row_number() OVER (ORDER BY bucket, category) AS place,
        reference / sum(reference) OVER () AS p,
        current / sum(current) OVER () AS q,
        sum(reference) OVER (ORDER BY bucket, category ROWS UNBOUNDED PRECEDING) AS upto,
        sum(reference) OVER () AS n_reference,
        (low + high) / 2 AS middle,
        high - low AS width,
        *
    FROM drift_buckets(
        about, reference_from, reference_to, current_from, current_to,
        reference_version := reference_version, current_version := current_version
    )
),
-- Groups of a twentieth of the reference each, and what lies outside of it on either side; a category is one.
ended AS (
    SELECT
        *,
        sum(p) OVER (ORDER BY place) AS f,
        sum(q) OVER (ORDER BY place) AS g,
        lead(middle) OVER (ORDER BY place) - middle AS step,
        category IS NOT NULL
            OR 20 * upto // n_reference > 20 * (upto - reference) // n_reference
            OR (upto = 0 AND lead(upto) OVER (ORDER BY place) > 0) AS ends
    FROM side_by_side
),
numbers AS (
    SELECT
        max(abs(f - g)) AS ks,
        greatest(max(abs(f - g)), max(f - g + q), max(g - f + p)) AS ks_most,
        sum(abs(f - g) * step) AS moved,
        sum((p + q) * width / 2) AS error
    FROM ended WHERE category IS NULL
),
grouped AS (
    SELECT sum(reference) AS reference, sum(current) AS current
    FROM (
        SELECT *, coalesce(sum(CAST(ends AS INTEGER)) OVER (
            ORDER BY place ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ), 0) AS part FROM ended
    )
    GROUP BY part HAVING sum(reference) + sum(current) > 0
),
shared AS (
    SELECT
        reference / sum(reference) OVER () AS p,
        current / sum(current) OVER () AS q,
        (reference + 0.5) / (sum(reference) OVER () + 0.5 * count(*) OVER ()) AS sp,
        (current + 0.5) / (sum(current) OVER () + 0.5 * count(*) OVER ()) AS sq
    FROM grouped
),
divergences AS (
    SELECT
        sum((sq - sp) * ln(sq / sp)) AS psi,
        sum(sq * ln(sq / sp)) AS kl,
        sqrt(greatest(sum(
            CASE WHEN p > 0 THEN p * log2(2 * p / (p + q)) ELSE 0 END
            + CASE WHEN q > 0 THEN q * log2(2 * q / (p + q)) ELSE 0 END
        ) / 2, 0)) AS jensen_shannon,
        sqrt(sum((sqrt(p) - sqrt(q)) ** 2) / 2) AS hellinger,
        sum(abs(p - q)) / 2 AS total_variation,
        max(abs(p - q)) AS l_infinity
    FROM shared
    HAVING isfinite(sum(p) + sum(q))  -- else a side has no value
)
SELECT distance, value, low, high
FROM (
    SELECT unnest([
        {'distance': 'ks', 'value': ks, 'low': ks, 'high': ks_most},
        {'distance': 'wasserstein', 'value': moved, 'low': greatest(moved - error, 0), 'high': moved + error},
        {'distance': 'psi', 'value': psi, 'low': psi, 'high': psi},
        {'distance': 'kl', 'value': kl, 'low': kl, 'high': kl},
        {'distance': 'jensen_shannon', 'value': jensen_shannon, 'low': jensen_shannon, 'high': jensen_shannon},
        {'distance': 'hellinger', 'value': hellinger, 'low': hellinger, 'high': hellinger},
        {'distance': 'total_variation', 'value': total_variation, 'low': total_variation, 'high': total_variation},
        {'distance': 'l_infinity', 'value': l_infinity, 'low': l_infinity, 'high': l_infinity}
    ], recursive := true)
    FROM numbers, divergences
)
WHERE value IS NOT NULL;
