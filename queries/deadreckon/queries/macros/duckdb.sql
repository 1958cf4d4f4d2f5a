-- What engines write differently, once per engine: see spark.sql for the same names there.

-- A key of a JSON object, as text; NULL where it is absent, or where the text is no JSON.
CREATE OR REPLACE MACRO json_text(document, field) AS CASE WHEN json_valid(document) THEN document ->> field END;
-- A time, some milliseconds later.
CREATE OR REPLACE MACRO add_ms(moment, ms) AS moment + to_microseconds(CAST(round(ms * 1000) AS BIGINT));
-- Milliseconds from one time to another.
CREATE OR REPLACE MACRO ms_between(earlier, later) AS date_diff('microsecond', earlier, later) / 1000.0;
-- The exact quantile, interpolated between the two nearest values.
CREATE OR REPLACE MACRO exact_quantile(x, q) AS quantile_cont(x, q);
