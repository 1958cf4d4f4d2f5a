"""What a page says when there is nothing to show, or when something is wrong: what, and what to do next."""

from __future__ import annotations

import shlex

import streamlit as st

from deadreckon.core.errors import ConfigError, DamagedLakeError, DeadreckonError, LakeError, LakeNotFoundError
from deadreckon.dashboard.look.frame import Desk, await_lake
from deadreckon.dashboard.look.text import literal


def explain(error: DeadreckonError) -> None:
    """A page for an error that somebody can do something about."""
    if isinstance(error, LakeNotFoundError):
        st.title("There is no lake yet", anchor=False)
        st.info(literal(error.message), icon=":material/explore_off:")
        st.markdown("Read logs into one, or look at the one of the demo:")
        st.code("reckon ingest LOGS --lake DIR\nreckon dashboard --lake DIR", language="shell")
        st.code("reckon demo --lake demo-lake\nreckon dashboard --lake demo-lake", language="shell")
    elif isinstance(error, DamagedLakeError):
        st.title("The lake is damaged", anchor=False)
        st.error(literal(error.message), icon=":material/broken_image:")
        st.markdown("Find out what happened, and repair it:")
        st.code("reckon doctor --lake DIR", language="shell")
        st.caption(literal(error.hint))
    else:
        st.title("This cannot be shown", anchor=False)
        st.error(literal(error.message), icon=":material/error:")
        if error.hint:
            st.info(literal(error.hint), icon=":material/lightbulb:")
    if st.button("Look again", icon=":material/refresh:"):
        st.rerun()
    if isinstance(error, LakeError | ConfigError):
        await_lake()


def unexpected(error: Exception) -> None:
    """A page for an error that is ours; its trace is on the terminal."""
    st.title("Something is wrong with this page", anchor=False)
    st.error(f"{type(error).__name__}: {literal(error)}", icon=":material/bug_report:")
    st.info("The whole trace is in the terminal in which the dashboard runs: please report it.")


def nothing_logged(desk: Desk) -> None:
    """A page for a lake in which no log has arrived."""
    st.title("The lake is empty", anchor=False)
    st.info("No event has been ingested yet.", icon=":material/inbox:")
    if desk.extent.quarantined:
        st.warning(
            f"{desk.extent.quarantined:,} lines were refused and wait in quarantine, each with its reason:",
            icon=":material/block:",
        )
        st.code(f"reckon quarantine list --lake {shlex.quote(str(desk.source.lake.root))}", language="shell")
    st.markdown("Read some logs into it; this page shows them as soon as they are there:")
    st.code(f"reckon ingest LOGS --lake {shlex.quote(str(desk.source.lake.root))}", language="shell")
