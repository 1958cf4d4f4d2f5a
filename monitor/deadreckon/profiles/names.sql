-- What the chunk's events name: subjects that were not known by now get a number.
INSERT INTO subjects
SELECT (SELECT count(*) FROM subjects) + row_number() OVER (ORDER BY subject), subject, NULL, 0.0, true, 0, false
FROM (SELECT DISTINCT subject FROM ({names})) ANTI JOIN subjects USING (subject);
