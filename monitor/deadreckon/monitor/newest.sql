-- The newest event of each group, placed in the first asked step that knows of it; the reader carries it on from there.
SELECT greatest($first, epoch_us(ts) // $every_us + 1) AS window_no, max(epoch_us(ts)) AS value{groups}
FROM events
WHERE {filter}
GROUP BY window_no{groups}
