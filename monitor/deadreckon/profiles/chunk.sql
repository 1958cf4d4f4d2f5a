-- One chunk of events, each with the number of its group.
-- Words in braces are put in by count.py; of what comes from values, only keys are among them, as literals.
CREATE OR REPLACE TEMP VIEW arrived AS
-- On times without a zone, as it is several times as fast; they are in UTC.
SELECT date_trunc('hour', make_timestamp(epoch_us(ts))) AS hour, * EXCLUDE (ts) FROM ({events}) WHERE ts IS NOT NULL;

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

INSERT INTO carriers {carriers};
