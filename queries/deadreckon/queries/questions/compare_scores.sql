-- Scores of the answers of two versions, by quality and by who judged.
SELECT name, source, model_version, count(value) AS n, avg(value) AS mean, stddev_samp(value) AS sd
FROM scores
WHERE
    model_version IN ($a, $b)
    AND ($model IS NULL OR model = $model)
    AND ($environment IS NULL OR environment = $environment)
    AND ($since IS NULL OR date >= CAST($since AS DATE))
    AND value IS NOT NULL
GROUP BY ALL
ORDER BY 1, 2, 3
