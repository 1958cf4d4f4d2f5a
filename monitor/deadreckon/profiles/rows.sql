-- What was counted, as rows of the table, each with its month.
CREATE OR REPLACE TEMP TABLE bucket_rows AS
SELECT
    timezone('UTC', hour) AS hour, 1::TINYINT AS hours, environment, model, model_version, variant, subject,
    $scale::TINYINT AS scale, bucket, NULL::VARCHAR AS category, sum(n)::BIGINT AS n
FROM numbers JOIN groups USING (g) JOIN subjects USING (s)
WHERE what = 0
GROUP BY ALL
UNION ALL
SELECT
    timezone('UTC', hour) AS hour, 1::TINYINT AS hours, environment, model, model_version, variant, subject,
    NULL::TINYINT AS scale, NULL::INTEGER AS bucket, category, sum(n)::BIGINT AS n
FROM labels JOIN groups USING (g) JOIN subjects USING (s)
GROUP BY ALL;

CREATE OR REPLACE TEMP TABLE summary_rows AS
WITH counted AS (
    SELECT
        g, subject,
        sum(n) FILTER (what = 0) AS n, sum(n) FILTER (what = 1) AS n_null, sum(n) FILTER (what = 2) AS n_nan,
        sum(n) FILTER (what = 3) AS n_posinf, sum(n) FILTER (what = 4) AS n_neginf, sum(n) FILTER (what = 5) AS n_other,
        sum(sum) AS sum, sum(sum_sq) AS sum_sq, min(min) AS min, max(max) AS max
    FROM numbers JOIN subjects USING (s) GROUP BY ALL
    UNION ALL
    SELECT g, subject, sum(n - n_other), 0, 0, 0, 0, sum(n_other), NULL, NULL, NULL, NULL
    FROM labels JOIN subjects USING (s) GROUP BY ALL
    UNION ALL
    SELECT g, subject, sum(n), 0, 0, 0, 0, 0, NULL, NULL, NULL, NULL FROM carriers GROUP BY ALL
)
SELECT
    timezone('UTC', hour) AS hour, 1::TINYINT AS hours, environment, model, model_version, variant, subject,
    {counts}, sum(sum) AS sum, sum(sum_sq) AS sum_sq, min(min) AS min, max(max) AS max
FROM counted JOIN groups USING (g)
GROUP BY ALL;

CREATE OR REPLACE TEMP TABLE subject_rows AS
SELECT
    subjects.subject, kind, origin,
    (SELECT list(value) FROM categories WHERE categories.s = subjects.s) AS categories,
    complete, seen, $version::BIGINT AS version
FROM subjects WHERE changed AND kind IS NOT NULL;
