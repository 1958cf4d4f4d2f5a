-- What a metric rule measures in each of its windows, one row per step and group that has an event there.
-- Step k ends at k * $every_us and its window is [k * $every_us - $window_us, k * $every_us). An event is placed in
-- every step whose window holds it, so that one scan answers a whole catch-up. Words in braces are put in by
-- windows.py from the registry and the schema, never from a value.
WITH placed AS (
    SELECT *, unnest(range(
        greatest($first, at_us // $every_us + 1), least($last, (at_us + $window_us) // $every_us) + 1
    )) AS window_no
    FROM (
        SELECT *, epoch_us({time}) AS at_us
        FROM {relation}
        WHERE {time} >= make_timestamptz($from_us)
          AND {time} < make_timestamptz($to_us)
          AND {filter}
    )
)
SELECT window_no, {value} AS value, {n} AS n, {examples} AS examples{groups}
FROM placed
GROUP BY window_no{groups}
