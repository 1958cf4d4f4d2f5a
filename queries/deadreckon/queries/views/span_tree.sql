-- span_tree: every span in its place: how deep, on which path of names, how long it worked itself, and whether its
-- trace waited for it. It is made for all traces at once; `reckon trace` is faster for one. The critical path: at each
-- moment a trace waits for one span, found from its roots downwards as the running child that ends last; a child that
-- outlives its parent comes after those that do not, and counts no longer than its parent. Of times alone: a log does
-- not say what waited for what
-- Grain: one row per span; one that has begun and never ended is a row too
-- Columns:
--   event_id
--   trace_id
--   span_id
--   parent_span_id
--   ts               when it began
--   end_ts [UTC, microseconds]  when it ended; ts where its duration is not known
--   duration_ms      NULL where it is not known, or cannot be one: see spans
--   name             the span's name; where it has none its event, tool or operation, else ?; at most 200
--                    characters
--   operation
--   status           ok, error, cancelled or timeout; running where it never ended
--   failed           whether its status is error or timeout
--   tool
--   model
--   model_version
--   agent            its own, else that of the nearest span above which has one
--   attempt
--   note             what is odd about it: circle (its parents go round in one, or no root leads to it), too deep (below
--                    98 levels), id repeated (an earlier span of the trace has its span_id: children hang on that one),
--                    parent missing, no trace, never ended, ends before it starts, no duration; NULL for most spans
--   root_event_id    the event_id of the root above it; its own where it is one; NULL in a circle or too deep
--   depth [levels]   0 for a root; NULL in a circle or too deep
--   path             the names from the root down to it, with ' > ' between them; in a circle its own, too deep '... > ' and
--                    its own
--   children [count]  spans directly in it
--   self_ms [milliseconds]  the part of duration_ms in which no child ran; children that overlap are not taken off twice
--   critical_ms [milliseconds]  the part in which its trace waited for it or for what is in it; 0 off the critical path
--   critical_self_ms [milliseconds]  the part of critical_ms in which the trace waited for none of its children. With one
--                    root, these make up the root's duration
--   request_id
--   session_id       its own, else that of the nearest span above which has one
--   user_id
--   environment
--   variant
--   service
--   date
WITH RECURSIVE written AS (
    SELECT
        event_id,
        span_id,
        parent_span_id,
        ts,
        sane_ms(duration_ms) AS took,
        status,
        agent,
        session_id,
        SUBSTRING(COALESCE(name, event, tool, operation, '?'), 1, 200) AS name,
        COALESCE(trace_id, event_id) AS place,
        -- A begun span comes after its finished line, and is left out where there is one.
        ROW_NUMBER() OVER (
            PARTITION BY COALESCE(trace_id, event_id), COALESCE(span_id, event_id)
            ORDER BY CASE WHEN status = 'running' THEN 1 ELSE 0 END, ts, event_id
        ) AS turn
    FROM events
    WHERE kind = 'span'
),
steps AS (
    SELECT
        event_id,
        place,
        span_id,
        parent_span_id,
        turn,
        ts,
        name,
        agent,
        session_id,
        -- One that never ended lasts until the last end that is known of its trace.
        CASE
            WHEN status = 'running'
                THEN MAX(add_ms(ts, COALESCE(took, 0))) OVER (PARTITION BY place)
            ELSE add_ms(ts, COALESCE(took, 0))
        END AS end_ts
    FROM written
    WHERE turn = 1 OR COALESCE(status, '') <> 'running'
),
linked AS (
    SELECT
        c.event_id,
        c.place,
        c.turn,
        c.name,
        c.agent,
        c.session_id,
        p.event_id AS parent,
        GREATEST(c.ts, COALESCE(p.ts, c.ts)) AS from_ts,
        LEAST(c.end_ts, COALESCE(p.end_ts, c.end_ts)) AS to_ts,
        CASE WHEN c.end_ts > p.end_ts THEN 1 ELSE 0 END AS outlives
    FROM steps AS c
    LEFT JOIN steps AS p ON p.place = c.place AND p.span_id = c.parent_span_id AND p.turn = 1
),
beside AS (
    SELECT
        *,
        MIN(from_ts) OVER (
            PARTITION BY place, parent ORDER BY outlives, to_ts DESC, from_ts, event_id
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS taken_over,
        MAX(to_ts) OVER (
            PARTITION BY place, parent ORDER BY from_ts, event_id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS covered_to
    FROM linked
),
tree AS (
    SELECT
        event_id,
        parent,
        event_id AS root,
        0 AS depth,
        name AS path,
        agent,
        session_id,
        from_ts AS critical_from,
        LEAST(to_ts, COALESCE(taken_over, to_ts)) AS critical_to
    FROM beside
    WHERE parent IS NULL
    UNION ALL
    SELECT
        c.event_id,
        c.parent,
        t.root,
        t.depth + 1 AS depth,
        t.path || ' > ' || c.name AS path,
        COALESCE(c.agent, t.agent) AS agent,
        COALESCE(c.session_id, t.session_id) AS session_id,
        GREATEST(t.critical_from, c.from_ts) AS critical_from,
        LEAST(t.critical_to, c.to_ts, COALESCE(c.taken_over, c.to_ts)) AS critical_to
    FROM tree AS t
    JOIN beside AS c ON c.parent = t.event_id
    WHERE t.depth < 98
),
inside AS (
    SELECT
        b.parent,
        COUNT(*) AS children,
        SUM(GREATEST(ms_between(GREATEST(b.from_ts, COALESCE(b.covered_to, b.from_ts)), b.to_ts), 0)) AS covered_ms,
        SUM(GREATEST(COALESCE(ms_between(t.critical_from, t.critical_to), 0), 0)) AS critical_ms
    FROM beside AS b
    LEFT JOIN tree AS t ON t.event_id = b.event_id
    WHERE b.parent IS NOT NULL
    GROUP BY b.parent
),
deepest AS (
    SELECT DISTINCT b.place FROM tree AS t JOIN beside AS b ON b.event_id = t.event_id WHERE t.depth = 98
)
SELECT
    w.event_id,
    w.trace_id,
    w.span_id,
    w.parent_span_id,
    w.ts,
    add_ms(w.ts, COALESCE(sane_ms(w.duration_ms), 0)) AS end_ts,
    sane_ms(w.duration_ms) AS duration_ms,
    b.name,
    w.operation,
    status_of(w.status, w.error_type) AS status,
    status_of(w.status, w.error_type) IN ('error', 'timeout') AS failed,
    w.tool,
    w.model,
    w.model_version,
    COALESCE(t.agent, w.agent) AS agent,
    w.attempt,
    CASE
        WHEN t.event_id IS NULL AND d.place IS NOT NULL THEN 'too deep'
        WHEN t.event_id IS NULL THEN 'circle'
        WHEN b.turn > 1 THEN 'id repeated'
        WHEN w.trace_id IS NULL THEN 'no trace'
        WHEN w.parent_span_id IS NOT NULL AND b.parent IS NULL THEN 'parent missing'
        WHEN w.status = 'running' THEN 'never ended'
        WHEN w.duration_ms < 0 THEN 'ends before it starts'
        WHEN sane_ms(w.duration_ms) IS NULL THEN 'no duration'
    END AS note,
    t.root AS root_event_id,
    t.depth,
    CASE
        WHEN t.event_id IS NULL AND d.place IS NOT NULL THEN '... > ' || b.name
        ELSE COALESCE(t.path, b.name)
    END AS path,
    COALESCE(i.children, 0) AS children,
    -- GREATEST would make 0 of an unknown number.
    CASE
        WHEN sane_ms(w.duration_ms) IS NOT NULL
            THEN GREATEST(sane_ms(w.duration_ms) - COALESCE(i.covered_ms, 0), 0)
    END AS self_ms,
    GREATEST(COALESCE(ms_between(t.critical_from, t.critical_to), 0), 0) AS critical_ms,
    GREATEST(
        COALESCE(ms_between(t.critical_from, t.critical_to), 0) - COALESCE(i.critical_ms, 0), 0
    ) AS critical_self_ms,
    w.request_id,
    COALESCE(t.session_id, w.session_id) AS session_id,
    w.user_id,
    w.environment,
    w.variant,
    w.service,
    w.date
FROM events AS w
JOIN beside AS b ON b.event_id = w.event_id
LEFT JOIN tree AS t ON t.event_id = w.event_id
LEFT JOIN inside AS i ON i.parent = w.event_id
LEFT JOIN deepest AS d ON d.place = b.place
