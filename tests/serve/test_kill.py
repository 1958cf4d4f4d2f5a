"""The receiver is killed under load, and stopped under load: what it acknowledged is in the lake once."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from tests.serve import load
from tests.serve.requests import JSON, span_json
from tests.serve.servers import Server


@pytest.mark.fault
def test_two_kills_under_load_lose_and_double_nothing(tmp_path: Path) -> None:
    """Three kinds of senders with their own retries; every acknowledged span is in the lake once."""
    found = load.run(tmp_path, senders=["raw", "http", "grpc"], kills=2, batches=60)

    load.check(found)
    assert found.kills == 2
    assert found.spans >= 3 * 60 * found.batch


def test_requests_at_hand_are_answered_when_it_is_told_to_stop(tmp_path: Path) -> None:
    """Whoever got through is answered 200 and is in the spool; whoever did not, was told so."""
    taken: list[str] = []
    with Server(tmp_path) as server:

        def send(thread: int) -> None:
            for number in range(10_000):
                name = f"{thread}-{number}"
                try:
                    status, _, _ = server.post("/v1/traces", span_json(name=name), JSON)
                except OSError:
                    return  # it listens no more
                if status == 200:
                    taken.append(name)

        threads = [threading.Thread(target=send, args=(n,)) for n in range(8)]
        for one in threads:
            one.start()
        while len(taken) < 100:
            pass
        assert server.stop() == 0
        for one in threads:
            one.join()
        written = {s["name"] for line in server.spooled() for s in line["resourceSpans"][0]["scopeSpans"][0]["spans"]}
        assert set(taken) <= written
        assert all(file.name.endswith(".sealed.jsonl") for file in (tmp_path / "spool").iterdir())
        assert server.errors.read_text().count("\n") == 1
