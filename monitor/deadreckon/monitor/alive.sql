-- Between which steps the lake holds an event in each window: few rows, however many events there are. The monitor's own
-- alerts are no sign of life.
SELECT DISTINCT
    greatest($first, epoch_us(ts) // $every_us + 1) AS earliest,
    least($last, (epoch_us(ts) + $window_us) // $every_us) AS latest
FROM events
WHERE {filter}
