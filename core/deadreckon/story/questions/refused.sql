-- Why lines were refused, with one of them.
SELECT error_code AS reason, COUNT(*) AS lines, MIN(error) AS for_example
FROM quarantine
WHERE state = 'open'
GROUP BY error_code
ORDER BY lines DESC, reason
