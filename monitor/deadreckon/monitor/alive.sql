-- The steps in whose windows the lake holds any event. The monitor's own alerts are no sign of life.
WITH placed AS (
    SELECT unnest(range(
        greatest($first, at_us // $every_us + 1), least($last, (at_us + $window_us) // $every_us) + 1
    )) AS window_no
    FROM (
        SELECT DISTINCT epoch_us(ts) // 1000000 * 1000000 AS at_us
        FROM events
        WHERE date BETWEEN CAST(make_timestamptz($from_us) AS DATE) AND CAST(make_timestamptz($to_us) AS DATE)
          AND ts >= make_timestamptz($from_us) AND ts < make_timestamptz($to_us)
          AND kind IS DISTINCT FROM 'alert'
    )
)
SELECT DISTINCT window_no FROM placed
