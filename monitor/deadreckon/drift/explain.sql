-- Every observation of a subject on either side (true: the current one), with what it may be told apart by. Words in
-- braces are put in by explain.py from the subjects and columns that it knows, never from a value.
CREATE OR REPLACE TEMP TABLE explained AS
WITH observed AS (
    SELECT false AS is_current, {value} AS value, * FROM {relation} WHERE {condition} AND {reference}
    UNION ALL
    SELECT true AS is_current, {value} AS value, * FROM {relation} WHERE {condition} AND {current}
),
typed AS (SELECT is_current, ts, request_id{columns}, {number} AS number, {label} AS label FROM observed{requests})
SELECT is_current, ts, request_id{names}, {group} AS part
FROM typed WHERE {has}
