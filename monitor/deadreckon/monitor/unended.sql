-- Runs that began longer ago than they may take and had not ended by a step's end. Rows without a step name the groups.
WITH of_runs AS (
    SELECT
        run_id AS run,
        epoch_us(min(ts)) AS began_us,
        epoch_us(min(ts) FILTER (WHERE status IS NOT NULL AND status <> 'running')) AS ended_us{made}
    FROM events
    WHERE {filter} AND kind = 'run' AND event IS DISTINCT FROM 'run.fold' AND run_id IS NOT NULL
    GROUP BY run_id
),
placed AS (
    SELECT *, unnest(range(
        greatest($first, (began_us + $within_us) // $every_us + 1),
        least($last, (began_us + $longest_us) // $every_us, coalesce(ended_us // $every_us, $last)) + 1
    )) AS window_no
    FROM of_runs
)
SELECT window_no, count(*) AS runs{groups} FROM placed GROUP BY window_no{groups}
UNION ALL
SELECT DISTINCT NULL AS window_no, 0 AS runs{groups} FROM of_runs
