"""Every sender, run once against one `reckon serve`, and the lake that came of it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from tests.senders import stub
from tests.serve.servers import Server

from deadreckon.core.settings import Settings
from deadreckon.queries import connect

HERE = Path(__file__).parent
ENVIRONMENT = Path(os.environ.get("SENDERS") or "none").absolute()
PYTHON = ENVIRONMENT / "bin" / "python"
NODE = shutil.which("node") if (ENVIRONMENT / "node_modules").is_dir() else None
WHY = "SENDERS names no environment with the senders' libraries: `make senders` makes it and runs this"
NAMES = (
    *("openinference_openai", "openllmetry_openai", "genai_openai", "langgraph_agent", "pydantic_ai_agent"),
    *("openai_agents_run", "two_layers", "mlflow_traced", "logfire_sent", "langsmith_agent"),
)
PRICED = {
    "prices": {
        "gpt-5": {"input_per_mtok": 1.25, "output_per_mtok": 10.0, "cache_read_per_mtok": 0.125},
        "text-embedding-3-small": {"input_per_mtok": 0.02, "output_per_mtok": 0.0},
    },
    "pricing": {"libraries": []},
}
COST = (176 * 1.25 + stub.CACHED * 0.125 + stub.OUTPUT * 10) / 1e6
"""US dollars for a call of the stub's model, which reads CACHED of its 1200 tokens from the cache."""
USED = {
    "input_tokens": stub.INPUT,
    "output_tokens": stub.OUTPUT,
    "cache_read_tokens": stub.CACHED,
    "reasoning_tokens": stub.REASONING,
}
"""What each such call uses."""
CONTENT = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs the environment where there is none."""
    for item in items:
        if "sent" in getattr(item, "fixturenames", ()) and HERE in item.path.parents and not PYTHON.exists():
            item.add_marker(pytest.mark.skip(reason=WHY))


class Sent:
    """The lake after all senders, and what each said that it sent."""

    def __init__(self, root: Path, told: dict[str, list[dict[str, Any]]]) -> None:
        self.told = told
        self.con = connect(root / "lake", settings=Settings.model_validate(PRICED))

    def rows(self, query: str, *parameters: Any) -> list[dict[str, Any]]:
        """The rows of a query, by column."""
        found = self.con.execute(query, list(parameters))
        names = [column[0] for column in found.description or ()]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]

    def calls(self, service: str) -> list[dict[str, Any]]:
        """The calls of language models, each with the name of the span that it is in."""
        return self.rows(
            "SELECT c.*, p.name AS inside FROM llm_calls AS c LEFT JOIN spans AS p "
            "ON p.trace_id = c.trace_id AND p.span_id = c.parent_span_id WHERE c.service = ? ORDER BY c.ts",
            service,
        )

    def tree(self, service: str) -> list[str]:
        """Every span as a path of names from its root, sorted."""
        spans = self.rows("SELECT span_id, parent_span_id, name FROM spans WHERE service = ?", service)
        by_id = {span["span_id"]: span for span in spans}
        return sorted("/".join(reversed(list(_up(span, by_id)))) for span in spans)


def _up(span: dict[str, Any] | None, by_id: dict[str, dict[str, Any]]) -> Iterator[str]:
    while span is not None:
        yield span["name"]
        span = by_id.get(span["parent_span_id"])


@pytest.fixture(scope="session")
def sent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sent]:
    """The lake."""
    root = tmp_path_factory.mktemp("senders")
    with stub.Stub() as remote, Server(root) as server:
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            names = [*NAMES, *(["node_openai"] if NODE else [])]
            told = dict(zip(names, pool.map(lambda name: _run(name, root, server.url, remote.url), names), strict=True))
        assert server.stop() == 0
        place = server.ingested()
    assert place.quarantined() == []
    found = Sent(root, told)
    yield found
    found.con.close()


def _run(name: str, root: Path, receiver: str, openai: str) -> list[dict[str, Any]]:
    environ = {key: value for key, value in os.environ.items() if not key.startswith(("OTEL_", "PYTHON"))} | {
        "OPENAI_BASE_URL": openai,
        "OPENAI_API_KEY": "none",
        "DO_NOT_TRACK": "true",
        "OTEL_SERVICE_NAME": name,
        "OTEL_EXPORTER_OTLP_ENDPOINT": receiver,
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
    }
    words = [str(PYTHON), str(HERE / f"{name}.py")]
    if name == "genai_openai":
        words = [str(ENVIRONMENT / "bin" / "opentelemetry-instrument"), *words]
        # Instrumentations of other sections are in the same environment.
        environ |= {"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "openai,langchain,openai_agents"}
        environ |= {"OTEL_INSTRUMENTATION_GENAI_EMIT_EVENT": "true", CONTENT: "span_and_event"}
    elif name == "mlflow_traced":
        environ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"] = environ.pop("OTEL_EXPORTER_OTLP_ENDPOINT") + "/v1/traces"
        environ["MLFLOW_TRACKING_URI"] = "file:mlruns"
    elif name == "langsmith_agent":
        environ |= {"LANGSMITH_TRACING": "true", "LANGSMITH_OTEL_ENABLED": "true", "LANGSMITH_OTEL_ONLY": "true"}
        environ |= {"LANGSMITH_API_KEY": "none", "LANGSMITH_ENDPOINT": openai}
    elif name == "node_openai":
        words = [str(NODE), str(HERE / f"{name}.cjs")]
        environ["NODE_PATH"] = str(ENVIRONMENT / "node_modules")
    done = subprocess.run(words, cwd=root, env=environ, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, f"{name}:\n{done.stderr}"
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"trace_id"')]
