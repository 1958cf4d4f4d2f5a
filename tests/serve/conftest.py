"""One receiver for all tests of the protocol."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.serve.servers import Server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("serve"), "--max-body", "300000") as running:
        yield running
