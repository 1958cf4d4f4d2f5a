-- From the first click on an answer of a version that was rolled back, to the data behind that answer.
SELECT
    f.ts AS clicked_at,
    p.request_id,
    p.session_id,
    p.trace_id,
    p.duration_ms,
    ROUND(p.cost_usd, 9) AS cost_usd,
    p.model,
    p.model_version,
    p.variant,
    m.stage,
    m.stage_since,
    m.stage_reason,
    p.run_id,
    p.run_started_at,
    p.git_commit,
    p.version_dataset AS dataset,
    p.version_features AS features,
    p.version_labels AS labels,
    p.version_hyperparameters AS hyperparameters,
    p.version_architecture AS architecture,
    p.version_metrics AS metrics,
    p.version_inference AS inference,
    l.fold AS leaking_fold,
    l.train_end,
    l.test_start
FROM feedback AS f
INNER JOIN provenance AS p ON p.request_id = f.request_id
INNER JOIN models AS m ON m.model = p.model AND m.model_version = p.model_version
LEFT JOIN folds AS l ON l.run_id = p.run_id AND l.leaks
WHERE f.name = 'click' AND m.stage = 'rolled_back' AND p.variant = 'canary'
ORDER BY f.ts
LIMIT 1
