-- folds: walk-forward validation: the windows of each fold, and whether the test could leak into the training
-- Grain: one row per fold of a run (event run.fold); the newest where a fold was logged again
-- Columns:
--   run_id
--   fold
--   ts               when it was logged
--   train_start      first day (or moment) of training data
--   train_end        last day (or moment) of training data
--   test_start       first day (or moment) of test data
--   test_end         last day (or moment) of test data
--   gap_days [days]  the gap that was meant to lie between training and test
--   actual_gap_days [days]  from train_end to test_start
--   overlap         whether the test begins before the training ends; for whole days also on the same day
--   gap_too_short    whether the actual gap is shorter than gap_days
--   leaks            whether either holds; NULL where the dates are missing or cannot be read
--   event_id
WITH logged AS (
    SELECT
        run_id,
        fold,
        ts,
        event_id,
        json_text(attributes, 'train_start') AS train_start,
        json_text(attributes, 'train_end') AS train_end,
        json_text(attributes, 'test_start') AS test_start,
        json_text(attributes, 'test_end') AS test_end,
        TRY_CAST(json_text(attributes, 'gap_days') AS DOUBLE) AS gap_days,
        ROW_NUMBER() OVER (PARTITION BY run_id, fold ORDER BY ts DESC, event_id DESC) AS newest
    FROM events
    WHERE kind = 'run' AND event = 'run.fold'
),
dated AS (
    SELECT
        *,
        TRY_CAST(train_end AS TIMESTAMP) AS trained_until,
        TRY_CAST(test_start AS TIMESTAMP) AS tested_from
    FROM logged
    WHERE newest = 1
),
judged AS (
    SELECT
        *,
        ms_between(trained_until, tested_from) / 86400000.0 AS actual_gap_days,
        tested_from < trained_until
        OR (tested_from = trained_until AND LENGTH(train_end) <= 10) AS overlap
    FROM dated
)
SELECT
    run_id,
    fold,
    ts,
    train_start,
    train_end,
    test_start,
    test_end,
    gap_days,
    actual_gap_days,
    overlap,
    actual_gap_days < gap_days AS gap_too_short,
    overlap OR COALESCE(actual_gap_days < gap_days, false) AS leaks,
    event_id
FROM judged
