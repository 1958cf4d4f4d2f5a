-- The values that spans have in the columns to filter by, the commonest first.
WITH counted AS (
    SELECT
        CASE
            WHEN GROUPING(environment) = 0 THEN 'environment'
            WHEN GROUPING(service) = 0 THEN 'service'
            WHEN GROUPING(agent) = 0 THEN 'agent'
            WHEN GROUPING(variant) = 0 THEN 'variant'
            WHEN GROUPING(model) = 0 THEN 'model'
            WHEN GROUPING(model_version) = 0 THEN 'model_version'
            ELSE 'tool'
        END AS field,
        COALESCE(environment, service, agent, variant, model, model_version, tool) AS found,
        COUNT(*) AS spans
    FROM spans
    WHERE trace_id IS NOT NULL
    GROUP BY GROUPING SETS ((environment), (service), (agent), (variant), (model), (model_version), (tool))
)
SELECT field, found AS value
FROM counted
WHERE found IS NOT NULL
QUALIFY ROW_NUMBER() OVER (PARTITION BY field ORDER BY spans DESC, found) <= 200
ORDER BY field, spans DESC, found
