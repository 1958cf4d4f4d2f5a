-- What model calls used up, by the first asked step that knows of it and by period, so that the reader sums it up from
-- step to step. Rows without a step name the groups, of which one may have used up nothing in its present period.
WITH spent AS (
    SELECT
        greatest($first, epoch_us(ts) // $every_us + 1) AS step_no,
        len(list_filter($starts, lambda start: start <= epoch_us(ts))) AS period_no,
        count(*) AS calls,
        {spent} AS spent,
        {unknown} AS unknown{made}
    FROM model_calls
    WHERE {filter}
    GROUP BY step_no, period_no{groups}
)
SELECT step_no, period_no, calls, spent, unknown{groups} FROM spent
