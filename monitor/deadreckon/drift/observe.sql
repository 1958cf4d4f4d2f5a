-- The observations of a subject in a selection of events: how often each number and each text was seen. Words in braces
-- are put in by observe.py from the subjects and columns that it knows, never from a value.
WITH observed AS (
    SELECT {value} AS value FROM {relation} WHERE {condition} AND {selected}
)
SELECT {number} AS number, {label} AS label, count(*) AS n
FROM observed
GROUP BY ALL
