-- How many events a window and its short end held and how many of them were bad. Events are counted in buckets first,
-- whose edges are edges of windows too: however many windows are asked for, each event is read once.
WITH buckets AS (
    SELECT epoch_us(ts) // $bucket_us * $bucket_us AS at_us, count(*) AS n, count(*) FILTER (WHERE {bad}) AS bad{made}
    FROM events
    WHERE {filter}
    GROUP BY at_us{groups}
),
placed AS (
    SELECT *, unnest(range(
        greatest($first, at_us // $every_us + 1), least($last, (at_us + $window_us) // $every_us) + 1
    )) AS window_no
    FROM buckets
)
SELECT
    window_no,
    sum(n) AS n,
    sum(bad) AS bad,
    sum(n) FILTER (WHERE at_us >= window_no * $every_us - $short_us) AS short_n,
    sum(bad) FILTER (WHERE at_us >= window_no * $every_us - $short_us) AS short_bad{groups}
FROM placed
GROUP BY window_no{groups}
