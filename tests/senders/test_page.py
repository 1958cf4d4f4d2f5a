"""docs/frameworks.md: every section is code that a sender runs, in at most five lines."""

from __future__ import annotations

import re

from tests.senders.conftest import HERE

PAGE = (HERE.parents[1] / "docs" / "frameworks.md").read_text()
CODE = dict(re.findall(r"^## (.+?)$[^#]*?```(?:python|js)\n(.*?)```", PAGE, re.DOTALL | re.MULTILINE))
SCRIPTS = "".join(path.read_text() for path in HERE.glob("*_*.*") if path.suffix in (".py", ".cjs"))


def test_each_section_has_at_most_five_lines() -> None:
    assert re.findall(r"^## (.+)$", PAGE, re.MULTILINE) == list(CODE)
    assert {title for title, code in CODE.items() if len(re.findall(r"^.*\S", code, re.MULTILINE)) > 5} == set()


def test_each_section_is_run() -> None:
    assert [title for title in CODE if f'"{title}"' not in SCRIPTS and f"## {title}\\n" not in SCRIPTS] == []


def test_the_table_speaks_of_the_sections() -> None:
    rows = re.findall(r"^\| ([A-Zp][^|]+?) \| (?!ttft)", PAGE, re.MULTILINE)
    titles = [title for title in CODE if not title.startswith(("Setting", "Node.js"))]
    assert rows == [*titles, "Node.js: OpenAI", "Vercel's AI SDK"]
