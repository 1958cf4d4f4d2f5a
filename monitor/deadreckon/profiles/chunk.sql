-- One chunk of events, each with the number of its group, and all that it has to be observed by name.
-- Words in braces are put in by count.py from the columns and subjects that it knows, never from a value.
CREATE OR REPLACE TEMP TABLE arrived AS SELECT date_trunc('hour', ts) AS hour, * EXCLUDE (ts) FROM ({events}) WHERE ts IS NOT NULL;

INSERT INTO groups
SELECT (SELECT count(*) FROM groups) + row_number() OVER (), *
FROM (
    SELECT DISTINCT hour, environment, model, model_version, variant FROM arrived
    EXCEPT
    SELECT hour, environment, model, model_version, variant FROM groups
);

CREATE OR REPLACE TEMP TABLE chunk AS
SELECT groups.g, arrived.* EXCLUDE (hour, environment, model, model_version, variant)
FROM arrived
JOIN groups ON
    arrived.hour = groups.hour
    AND arrived.environment IS NOT DISTINCT FROM groups.environment
    AND arrived.model IS NOT DISTINCT FROM groups.model
    AND arrived.model_version IS NOT DISTINCT FROM groups.model_version
    AND arrived.variant IS NOT DISTINCT FROM groups.variant;

DROP TABLE arrived;

CREATE OR REPLACE TEMP TABLE seen AS
WITH pairs AS ({pairs}),
named AS (
    SELECT pairs.*, subjects.s FROM pairs LEFT JOIN subjects ON subjects.subject = pairs.subject
)
SELECT g, s, CASE WHEN s IS NULL THEN subject END AS subject, number, label FROM named;

INSERT INTO subjects
SELECT (SELECT count(*) FROM subjects) + row_number() OVER (ORDER BY subject), subject, NULL, 0.0, true, 0, false
FROM (SELECT DISTINCT subject FROM seen WHERE s IS NULL);

UPDATE seen SET s = subjects.s FROM subjects WHERE seen.s IS NULL AND subjects.subject = seen.subject;

INSERT INTO carriers {carriers};
