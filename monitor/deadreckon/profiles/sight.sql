-- What is decided at first sight of a subject: whether it is one of numbers, and from where they are measured.
UPDATE subjects SET kind = first.kind, origin = first.origin, changed = true
FROM (
    SELECT
        s,
        CASE WHEN count(number) > count(label) THEN 'numeric' ELSE 'categorical' END AS kind,
        coalesce(quantile_disc(number, 0.5) FILTER (isfinite(number)), 0.0) AS origin
    FROM ({observed})
    WHERE s IN (SELECT s FROM subjects WHERE kind IS NULL) AND (number IS NOT NULL OR label IS NOT NULL)
    GROUP BY s
) AS first
WHERE subjects.s = first.s;

UPDATE subjects SET origin = NULL WHERE kind = 'categorical' AND origin IS NOT NULL;
