-- The chunk counted, in one GROUP BY over numbers and one over words.
INSERT INTO numbers
WITH observed AS ({measures}),
placed AS (
    SELECT
        g,
        s,
        number,
        CASE
            WHEN number IS NULL THEN CASE WHEN label IS NULL THEN 1 ELSE 5 END
            WHEN isnan(number) THEN 2
            WHEN isinf(number) THEN CASE WHEN number > 0 THEN 3 ELSE 4 END
            ELSE 0
        END::TINYINT AS what,
        CASE WHEN isfinite(number) THEN number - origin END AS distance
    FROM observed
)
SELECT g, s, what, bucket_of(distance) AS bucket, count(*), sum(value), sum(value * value), min(value), max(value)
FROM (SELECT *, CASE WHEN what = 0 THEN number END AS value FROM placed)
GROUP BY ALL;

INSERT INTO labels
SELECT
    g,
    words.s,
    CASE
        WHEN categories.value IS NOT NULL THEN categories.value
        WHEN complete THEN $new
        ELSE $other
    END AS category,
    sum(n)::BIGINT,
    sum(n_other)::BIGINT
FROM words
JOIN subjects ON subjects.s = words.s
LEFT JOIN categories ON categories.s = words.s AND categories.value = words.value
GROUP BY ALL;
