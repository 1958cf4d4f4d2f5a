-- Values of categories, and which of them are counted each by itself from now on.
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
