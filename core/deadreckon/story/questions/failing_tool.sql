-- The tool with the worst day, and how it did before, during and after its bad days.
WITH days AS (
    SELECT tool, date, COUNT(*) AS calls, AVG(CASE WHEN failed THEN 1.0 ELSE 0.0 END) AS error_rate
    FROM tool_calls
    GROUP BY tool, date
),
worst AS (
    SELECT tool, MIN(date) AS from_date, MAX(date) AS until_date
    FROM days
    WHERE calls >= 10 AND error_rate > 0.2
    GROUP BY tool
    ORDER BY MAX(error_rate) DESC
    LIMIT 1
),
placed AS (
    SELECT
        c.tool,
        c.date,
        c.failed,
        c.error_type,
        CASE
            WHEN c.date < w.from_date THEN 'before'
            WHEN c.date <= w.until_date THEN 'during'
            ELSE 'after'
        END AS period
    FROM tool_calls AS c
    INNER JOIN worst AS w ON w.tool = c.tool
)
SELECT
    tool,
    period,
    MIN(date) AS from_date,
    MAX(date) AS until_date,
    COUNT(*) AS calls,
    COUNT(*) FILTER (WHERE failed) AS failed,
    COUNT(*) FILTER (WHERE failed) / CAST(COUNT(*) AS DOUBLE) AS error_rate,
    MAX(error_type) AS error_type
FROM placed
GROUP BY tool, period
ORDER BY from_date
