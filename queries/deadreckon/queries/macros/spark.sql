-- The macros of duckdb.sql as Spark SQL expressions: each is put in the place of its call.

-- A key of a JSON object, as text; NULL where it is absent, or where the text is no JSON.
json_text(document, field): get_json_object(document, concat('$.', field))
-- A time, some milliseconds later.
add_ms(moment, ms): moment + make_dt_interval(0, 0, 0, CAST(round(ms * 1000) AS DECIMAL(18, 0)) / 1000000)
-- Milliseconds from one time to another.
ms_between(earlier, later): (unix_micros(CAST(later AS TIMESTAMP)) - unix_micros(CAST(earlier AS TIMESTAMP))) / 1000.0D
-- The exact quantile, interpolated between the two nearest values.
exact_quantile(x, q): percentile(x, q)
