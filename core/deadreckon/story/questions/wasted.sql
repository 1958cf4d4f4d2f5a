-- What was paid for calls that gave nothing, why, and on which day the most of it.
SELECT
    reason,
    SUM(calls) AS calls,
    ROUND(SUM(day_usd), 9) AS cost_usd,
    ROUND(SUM(day_usd) / (SELECT SUM(cost_usd) FROM model_calls), 9) AS share_of_all,
    ARG_MAX(date, day_usd) AS worst_day,
    ROUND(MAX(day_usd), 9) AS worst_day_usd
FROM (
    SELECT reason, date, COUNT(*) AS calls, SUM(cost_usd) AS day_usd
    FROM wasted_cost
    GROUP BY reason, date
) AS days
GROUP BY reason
ORDER BY cost_usd DESC
