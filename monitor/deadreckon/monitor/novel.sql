-- The categories of each window that its reference, the time before it, did not hold. Values are counted in buckets
-- whose edges are edges of windows and references too. Rows without enough of a reference say so by `reference`.
WITH buckets AS (
    SELECT epoch_us(ts) // $bucket_us AS bucket, {category} AS category, count(*) AS n{made}
    FROM events
    WHERE {filter} AND {category} IS NOT NULL
    GROUP BY bucket, category{groups}
),
linked AS (
    SELECT
        *,
        coalesce(lag(bucket) OVER (PARTITION BY category{groups} ORDER BY bucket), -1) AS before,
        coalesce(sum(n) OVER ({partition} ORDER BY bucket RANGE BETWEEN {buckets} PRECEDING AND 1 PRECEDING), 0)
            AS reference
    FROM buckets
),
placed AS (
    SELECT *, unnest(range(
        greatest($first, bucket * $bucket_us // $every_us + 1),
        least($last, (bucket * $bucket_us + $window_us) // $every_us) + 1
    )) AS window_no
    FROM linked
    WHERE bucket * $bucket_us >= $from_us
),
known AS (
    SELECT
        window_no,
        sum(n) AS n,
        -- The bucket before the first one in the window is the newest one before the window.
        arg_min(before, bucket) * $bucket_us < window_no * $every_us - $window_us - $reference_us AS new,
        category,
        min(bucket) AS bucket,
        arg_min(reference, bucket) AS reference{groups}
    FROM placed
    GROUP BY window_no, category{groups}
)
SELECT
    window_no,
    count(*) FILTER (WHERE new) AS new_categories,
    coalesce(sum(n) FILTER (WHERE new), 0) AS new_values,
    sum(n) AS n,
    arg_min(reference, bucket) AS reference,
    min(left(category, 60), 5) FILTER (WHERE new) AS examples{groups}
FROM known
GROUP BY window_no{groups}
