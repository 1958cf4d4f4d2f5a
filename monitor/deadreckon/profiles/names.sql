-- What the chunk's events name: subjects that were not known by now get a number, as long as there are not too many.
INSERT INTO subjects
SELECT number, subject, NULL, 0.0, true, 0, false
FROM (
    SELECT (SELECT count(*) FROM subjects) + row_number() OVER (ORDER BY subject) AS number, subject
    FROM (SELECT DISTINCT subject FROM ({names} UNION ALL SELECT unnest($wide))) ANTI JOIN subjects USING (subject)
)
WHERE number <= $most;
