"""An alert as a line and as a card, with the way to what it speaks of."""

from __future__ import annotations

import streamlit as st

from deadreckon.dashboard.look import colours, figures
from deadreckon.dashboard.look.text import literal
from deadreckon.dashboard.services import links
from deadreckon.dashboard.services.alerts import Change, Standing, unit_of
from deadreckon.dashboard.services.moved import explainable
from deadreckon.dashboard.services.muting import Muting
from deadreckon.dashboard.services.source import Source

WORST = {
    "slowest": "The slowest traces in this window",
    "costliest": "The costliest traces in this window",
    "failed": "The failed traces in this window",
    "newest": "The traces in this window",
}


def badge(word: str) -> None:
    """A status, state or severity in its colour."""
    st.badge(literal(word.replace("_", " ")), color=colours.BADGE.get(word, "gray"))  # type: ignore[arg-type]


def alert_line(standing: Standing) -> None:
    """One raised alert in a line that leads to its card."""
    said = _words(standing.rule, standing.reason)
    left, middle, right = st.columns([1, 5, 2], vertical_alignment="center")
    with left:
        badge(standing.severity)
    with middle:
        st.page_link(
            "page/alerts.py",
            label=f"**{literal(standing.rule)}**: {literal(said or standing.rule, 140)}",
            query_params={"alert": standing.change_id},
            icon=":material/arrow_forward:",
            icon_position="right",
        )
    right.caption(
        f"since {figures.moment(standing.active_since)}" + (", its data went missing" if standing.silent else "")
    )


def alert_card(source: Source, change: Change, *, standing: Standing | None = None, marked: bool = False) -> None:
    """One change of an alert's state with everything that it says, and one click to the traces of its window."""
    with st.container(border=True):
        head, state = st.columns([5, 1], vertical_alignment="center")
        head.markdown(
            ("➤ " if marked else "")
            + f"**{literal(change.rule)}**: {literal(_words(change.rule, change.reason)) or 'no words given'}"
        )
        with state.container(horizontal=True, horizontal_alignment="right"):
            badge(change.severity)
            badge(change.state)
        if standing is not None and standing.silent:
            st.warning(
                f"Its data went missing ({standing.state.replace('_', ' ')} since {figures.moment(standing.since)}): "
                "it was never resolved, so it counts as firing.",
                icon=":material/sensors_off:",
            )
        if standing is not None:
            _muted(standing.muting)
        facts = st.columns([2, 2, 3, 3])
        value, threshold = (figures.measured(v, unit_of(change.metric)) for v in (change.value, change.threshold))
        facts[0].markdown(f"Value **{literal(value)}**  \nthreshold {literal(threshold)}")
        facts[1].markdown(f"Metric  \n{literal(change.metric or figures.UNKNOWN)}")
        facts[2].markdown(f"Window  \n{figures.moment(change.start)} to  \n{figures.moment(change.end)}")
        facts[3].markdown(_course(change, standing))
        if change.labels:
            with st.container(horizontal=True):
                for name, value in change.labels.items():
                    st.badge(f"{literal(name)} = {literal(value, 80)}", color="gray")
        _known(source, change, place="past" if standing is None else "now", marked=marked)
        _ways(change)


def _words(rule: str, reason: str) -> str:
    return reason.removeprefix(f"{rule}: ")  # it is said already


def _muted(muting: Muting) -> None:
    if muting.silenced_until is not None:
        st.caption(
            f":material/notifications_off: Silenced until {figures.moment(muting.silenced_until)} by "
            f"{literal(muting.silenced_by)}: {literal(muting.silenced_why)}"
        )
    if muting.explained_by:
        st.caption(f":material/link: Not told: {literal(muting.explained_by)} is firing, which explains it")
    if muting.taken_by:
        why = f": {literal(muting.taken_why)}" if muting.taken_why else ""
        st.caption(f":material/person_check: Taken by {literal(muting.taken_by)}{why}")


def _known(source: Source, change: Change, *, place: str, marked: bool) -> None:
    from deadreckon.monitor.facts import facts_line

    if not explainable(change):
        if change.facts:
            st.caption(literal(facts_line(change.facts)))
        return
    if change.facts.get("moved"):
        st.caption(f"Moved: {literal(change.facts['moved'])}")
    # It reads the events of both sides, so only where it is asked for.
    if st.toggle("Show what moved", value=marked, key=f"moved-{place}-{change.event_id}"):
        from deadreckon.dashboard.look.moved import what_moved

        what_moved(source, change)


def _course(change: Change, standing: Standing | None) -> str:
    if standing is not None and standing.active_since is not None:
        return f"Firing since  \n**{figures.moment(standing.active_since)}**"
    if change.until is None:
        return f"In this state since  \n{figures.moment(change.end)}"
    return f"Until {figures.moment(change.until)},  \nthen {literal((change.next_state or '').replace('_', ' '))}"


def _ways(change: Change) -> None:
    params = links.traces_of(change)
    st.page_link("page/traces.py", label=WORST[params["sort"]], icon=":material/account_tree:", query_params=params)
    rest = links.unfiltered(change)
    if rest:
        st.caption(f"Traces cannot be filtered by {literal(', '.join(rest))}: the window's are shown.")
    if change.runbook:
        # A link of the lake's would lead wherever somebody wrote it: it is shown to be read and copied.
        st.caption("Runbook")
        st.code(change.runbook, language=None, wrap_lines=True)
