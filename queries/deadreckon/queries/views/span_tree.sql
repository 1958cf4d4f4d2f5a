-- span_tree: every span in its place: how deep, on which path of names, how long it worked itself, and whether its
-- trace waited for it. It is made for all traces at once; `reckon trace` is faster for one. The critical path: at each
-- moment a trace waits for one span, found from its roots downwards as the running child that ends last. A child that
-- outlives its parent counts where none runs that does not, until another child begins or the parent ends. Of times
-- alone: a log does not say what waited for what
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
    -- Numbers in the place of texts: of a million spans, keys are most of what has to be held at once.
    SELECT
        key_of(event_id) AS id,
        key_of(COALESCE(trace_id, event_id)) AS place,
        key_of(span_id) AS own,
        key_of(parent_span_id) AS above,
        ts,
        add_ms(ts, COALESCE(sane_ms(duration_ms), 0)) AS end_ts,
        CASE WHEN status = 'running' THEN 1 ELSE 0 END AS running,
        CAST(ROW_NUMBER() OVER (PARTITION BY COALESCE(trace_id, event_id) ORDER BY ts, event_id) AS INTEGER) AS number,
        -- A begun span comes after its finished line, and is left out where there is one.
        CAST(ROW_NUMBER() OVER (
            PARTITION BY COALESCE(trace_id, event_id), COALESCE(span_id, event_id)
            ORDER BY CASE WHEN status = 'running' THEN 1 ELSE 0 END, ts, event_id
        ) AS INTEGER) AS turn
    FROM events
    WHERE kind = 'span'
),
kept AS (
    -- What is left out loses its id, and so meets nothing below; engines that guess how many rows a filter leaves plan
    -- worse for it.
    SELECT
        CASE WHEN turn = 1 OR running = 0 THEN id END AS id,
        CASE WHEN turn = 1 OR running = 0 THEN place END AS place,
        own,
        above,
        number,
        turn,
        running,
        ts,
        end_ts
    FROM written
),
steps AS (
    SELECT
        id,
        place,
        own,
        above,
        number,
        turn,
        ts,
        -- One that never ended lasts until the last end that is known of its trace.
        CASE WHEN running = 1 THEN MAX(end_ts) OVER (PARTITION BY place) ELSE end_ts END AS end_ts
    FROM kept
),
linked AS (
    SELECT
        c.id,
        c.place,
        c.number,
        c.turn,
        p.id AS parent,
        GREATEST(c.ts, COALESCE(p.ts, c.ts)) AS from_ts,
        LEAST(c.end_ts, COALESCE(p.end_ts, c.end_ts)) AS to_ts,
        CASE WHEN c.end_ts > p.end_ts THEN 1 ELSE 0 END AS outlives
    FROM steps AS c
    LEFT JOIN steps AS p ON p.place = c.place AND p.own = c.above AND p.turn = 1
),
beside AS (
    SELECT
        id,
        place,
        turn,
        parent,
        from_ts,
        to_ts,
        outlives,
        -- One that ends later is waited for from its beginning on.
        MIN(from_ts) OVER (
            PARTITION BY place, parent ORDER BY outlives, to_ts DESC, from_ts, number
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS taken_over,
        LEAD(from_ts) OVER (PARTITION BY place, parent ORDER BY from_ts, outlives, number) AS next_from,
        MAX(CASE WHEN outlives = 0 THEN to_ts END) OVER (
            PARTITION BY place, parent ORDER BY from_ts, outlives, number
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS waited_before,
        MAX(to_ts) OVER (
            PARTITION BY place, parent ORDER BY from_ts, outlives, number
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS covered_to
    FROM linked
),
timed AS (
    SELECT
        id,
        place,
        turn,
        parent,
        from_ts,
        to_ts,
        covered_to,
        CASE
            WHEN outlives = 1 THEN GREATEST(from_ts, COALESCE(waited_before, from_ts)) ELSE from_ts
        END AS waited_from,
        CASE
            WHEN outlives = 1 THEN LEAST(to_ts, COALESCE(next_from, to_ts))
            ELSE LEAST(to_ts, COALESCE(taken_over, to_ts))
        END AS waited_to
    FROM beside
),
-- The recursion goes over spans with children alone; most have none.
branches AS (
    SELECT
        b.id,
        b.parent,
        b.waited_from,
        b.waited_to,
        e.event_id,
        SUBSTRING(COALESCE(e.name, e.event, e.tool, e.operation, '?'), 1, 200) AS name,
        e.agent,
        e.session_id
    FROM events AS e
    JOIN timed AS b ON b.id = key_of(e.event_id)
    WHERE b.id IN (SELECT parent FROM timed)
),
tree AS (
    SELECT
        id,
        event_id AS root,
        0 AS depth,
        name AS path,
        agent,
        session_id,
        waited_from AS critical_from,
        waited_to AS critical_to
    FROM branches
    WHERE parent IS NULL
    UNION ALL
    SELECT
        c.id,
        t.root,
        t.depth + 1 AS depth,
        t.path || ' > ' || c.name AS path,
        COALESCE(c.agent, t.agent) AS agent,
        COALESCE(c.session_id, t.session_id) AS session_id,
        GREATEST(t.critical_from, c.waited_from) AS critical_from,
        LEAST(t.critical_to, c.waited_to) AS critical_to
    FROM tree AS t
    JOIN branches AS c ON c.parent = t.id
    WHERE t.depth < 97
),
-- Each span with children: its place in the tree, NULL where there is none, and what its children took.
parents AS (
    SELECT
        b.parent AS id,
        MAX(t.root) AS root,
        MAX(t.depth) AS depth,
        MAX(t.path) AS path,
        MAX(t.agent) AS agent,
        MAX(t.session_id) AS session_id,
        MAX(t.critical_from) AS critical_from,
        MAX(t.critical_to) AS critical_to,
        COUNT(*) AS children,
        SUM(GREATEST(ms_between(GREATEST(b.from_ts, COALESCE(b.covered_to, b.from_ts)), b.to_ts), 0)) AS covered_ms,
        SUM(GREATEST(
            ms_between(GREATEST(t.critical_from, b.waited_from), LEAST(t.critical_to, b.waited_to)), 0
        )) FILTER (WHERE t.root IS NOT NULL) AS waited_ms
    FROM timed AS b
    LEFT JOIN tree AS t ON t.id = b.parent
    WHERE b.parent IS NOT NULL
    GROUP BY b.parent
),
deepest AS (
    SELECT DISTINCT b.place FROM tree AS t JOIN timed AS b ON b.parent = t.id WHERE t.depth = 97
),
placed AS (
    SELECT
        w.*,
        SUBSTRING(COALESCE(w.name, w.event, w.tool, w.operation, '?'), 1, 200) AS said,
        sane_ms(w.duration_ms) AS took,
        b.turn,
        b.parent,
        CASE WHEN b.parent IS NULL THEN 0 ELSE p.depth + 1 END AS depth,
        CASE WHEN d.place IS NOT NULL THEN 'too deep' ELSE 'circle' END AS lost,
        p.root,
        p.path AS path_above,
        p.agent AS agent_above,
        p.session_id AS session_above,
        COALESCE(o.children, 0) AS children,
        COALESCE(o.covered_ms, 0) AS covered_ms,
        COALESCE(o.waited_ms, 0) AS waited_ms,
        CASE
            WHEN b.parent IS NULL OR p.root IS NOT NULL
                THEN GREATEST(
                    ms_between(
                        GREATEST(b.waited_from, COALESCE(p.critical_from, b.waited_from)),
                        LEAST(b.waited_to, COALESCE(p.critical_to, b.waited_to))
                    ), 0
                )
            ELSE 0
        END AS critical_ms
    FROM events AS w
    JOIN timed AS b ON b.id = key_of(w.event_id)
    -- Each names a column of w, so that engines look them up for each event, and do not put them together before.
    LEFT JOIN parents AS p ON p.id = b.parent AND w.parent_span_id IS NOT NULL
    LEFT JOIN parents AS o ON o.id = key_of(w.event_id)
    LEFT JOIN deepest AS d ON d.place = key_of(COALESCE(w.trace_id, w.event_id))
    WHERE w.kind = 'span'
)
SELECT
    event_id,
    trace_id,
    span_id,
    parent_span_id,
    ts,
    add_ms(ts, COALESCE(took, 0)) AS end_ts,
    took AS duration_ms,
    said AS name,
    operation,
    status_of(status, error_type) AS status,
    status_of(status, error_type) IN ('error', 'timeout') AS failed,
    tool,
    model,
    model_version,
    COALESCE(agent, agent_above) AS agent,
    attempt,
    CASE
        WHEN depth IS NULL THEN lost
        WHEN turn > 1 THEN 'id repeated'
        WHEN trace_id IS NULL THEN 'no trace'
        WHEN parent_span_id IS NOT NULL AND parent IS NULL THEN 'parent missing'
        WHEN status = 'running' THEN 'never ended'
        WHEN duration_ms < 0 THEN 'ends before it starts'
        WHEN took IS NULL THEN 'no duration'
    END AS note,
    CASE WHEN depth = 0 THEN event_id ELSE root END AS root_event_id,
    depth,
    CASE
        WHEN depth > 0 THEN path_above || ' > ' || said
        WHEN depth IS NULL AND lost = 'too deep' THEN '... > ' || said
        ELSE said
    END AS path,
    children,
    -- GREATEST would make 0 of an unknown number.
    CASE WHEN took IS NOT NULL THEN GREATEST(took - covered_ms, 0) END AS self_ms,
    critical_ms,
    GREATEST(critical_ms - waited_ms, 0) AS critical_self_ms,
    request_id,
    COALESCE(session_id, session_above) AS session_id,
    user_id,
    environment,
    variant,
    service,
    date
FROM placed
