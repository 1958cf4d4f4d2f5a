-- The lines of each window that ingest refused, of the lines that it read from the same inputs.
WITH placed AS (
    SELECT *, unnest(range(
        greatest($first, at_us // $every_us + 1), least($last, (at_us + $window_us) // $every_us) + 1
    )) AS window_no
    FROM (
        SELECT
            epoch_us(ingested_at) AS at_us,
            CASE WHEN record = 'source' THEN lines ELSE 0 END AS lines,
            CASE WHEN record = 'quarantine' AND {refused} THEN 1 ELSE 0 END AS refused{made}
        FROM lake_ledger
        WHERE ingested_at >= make_timestamptz($from_us) AND ingested_at < make_timestamptz($to_us)
            AND date BETWEEN CAST(make_timestamptz($from_us) AS DATE) AND CAST(make_timestamptz($to_us) AS DATE)
            AND record IN ('source', 'quarantine') AND {filter}
    )
)
SELECT window_no, sum(refused)::DOUBLE / nullif(sum(lines), 0) AS value, sum(lines) AS n{groups}
FROM placed
GROUP BY window_no{groups}
