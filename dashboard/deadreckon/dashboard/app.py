"""The dashboard's routes. Streamlit runs this file for every page and click: it opens the lake and calls a page."""

from __future__ import annotations

import logging
from pathlib import Path

import streamlit as st

from deadreckon.core.errors import DeadreckonError
from deadreckon.dashboard.look import frame, trouble
from deadreckon.dashboard.services.links import IDS

# Not `pages`: Streamlit would take a folder of that name for pages of its own, drawn without this file.
HERE = Path(__file__).parent
PAGES = {
    "overview": ("Overview", ":material/monitoring:"),
    "traces": ("Traces", ":material/account_tree:"),
    "alerts": ("Alerts", ":material/notifications:"),
    "sql": ("SQL", ":material/terminal:"),
}


def main() -> None:
    """Draw the page that the address names."""
    icon = str(HERE / "look" / "icon.svg")
    st.set_page_config(page_title="deadreckon", page_icon=icon, layout="wide")
    st.logo(icon, size="large")
    pages = {
        name: st.Page(HERE / "page" / f"{name}.py", title=title, icon=symbol, default=name == "overview")
        for name, (title, symbol) in PAGES.items()
    }
    page = st.navigation(list(pages.values()))
    if page == pages["overview"]:
        _follow()
    try:
        desk = frame.desk()
        frame.sidebar(desk)
        if desk.extent.logged or page == pages["sql"]:
            page.run()
        else:
            trouble.nothing_logged(desk)
    except DeadreckonError as error:
        trouble.explain(error)
    except Exception as error:
        logging.getLogger("deadreckon.dashboard").exception("a page failed")
        trouble.unexpected(error)


def _follow() -> None:
    """Go where a link to the front page leads: `?trace=...`, `?request=...`, `?alert=...`, `?view=...`."""
    asked = st.query_params
    if any(kind in asked for kind in IDS):
        st.switch_page("page/traces.py", query_params=asked.to_dict())
    if "alert" in asked:
        st.switch_page("page/alerts.py", query_params=asked.to_dict())
    if "view" in asked:
        st.switch_page("page/sql.py", query_params=asked.to_dict())


main()
