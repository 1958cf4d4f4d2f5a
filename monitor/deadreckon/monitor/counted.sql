SELECT epoch_us(ts) // {bucket} * {bucket} + {shift} AS at_us, {ago} AS ago, count(*) AS n{made}
FROM events
WHERE {filter}
GROUP BY at_us{groups}
