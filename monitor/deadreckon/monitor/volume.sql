-- Events of each window, by how many periods ago; the reader compares the present ones with those of before.
SELECT window_no, ago, sum(n) AS n{groups}
FROM (
    SELECT *, unnest(range(
        greatest($first, at_us // $every_us + 1), least($last, (at_us + $window_us) // $every_us) + 1
    )) AS window_no
    FROM ({counted})
)
GROUP BY window_no, ago{groups}
