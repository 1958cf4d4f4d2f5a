-- What is decided at first sight of a subject: whether it is one of numbers, from where they are measured, and which
-- values are counted each by itself.
UPDATE subjects SET kind = first.kind, origin = first.origin, changed = true
FROM (
    SELECT
        s,
        CASE WHEN count(number) > count(label) THEN 'numeric' ELSE 'categorical' END AS kind,
        coalesce(quantile_disc(number, 0.5) FILTER (isfinite(number)), 0.0) AS origin
    FROM seen
    WHERE s IN (SELECT s FROM subjects WHERE kind IS NULL) AND (number IS NOT NULL OR label IS NOT NULL)
    GROUP BY s
) AS first
WHERE subjects.s = first.s;

UPDATE subjects SET origin = NULL WHERE kind = 'categorical' AND origin IS NOT NULL;

CREATE OR REPLACE TEMP TABLE words AS
SELECT seen.g, seen.s, coalesce(label, printf('%.17g', number)) AS value, count(*) AS n, count(number) AS n_other
FROM seen JOIN subjects ON subjects.s = seen.s
WHERE kind = 'categorical' AND (label IS NOT NULL OR number IS NOT NULL)
GROUP BY ALL
UNION ALL
{columns};

CREATE OR REPLACE TEMP TABLE fresh AS
SELECT s, value, row_number() OVER (PARTITION BY s ORDER BY n DESC, value) AS place
FROM (SELECT s, value, sum(n) AS n FROM words WHERE s IN (SELECT s FROM subjects WHERE seen < $settled) GROUP BY ALL)
ANTI JOIN categories USING (s, value);

CREATE OR REPLACE TEMP TABLE room AS
SELECT s, $top - count(value) AS free FROM subjects LEFT JOIN categories USING (s) WHERE kind = 'categorical' GROUP BY s;

UPDATE subjects SET complete = false
WHERE s IN (SELECT s FROM fresh JOIN room USING (s) WHERE place > free);

INSERT INTO categories SELECT s, value FROM fresh JOIN room USING (s) WHERE place <= free ORDER BY s, place;

UPDATE subjects SET seen = seen + least(counted.n, $settled - seen), changed = true
FROM (SELECT s, sum(n)::BIGINT AS n FROM words GROUP BY s) AS counted
WHERE subjects.s = counted.s AND seen < $settled;
