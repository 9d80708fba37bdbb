# SPDX-License-Identifier: Apache-2.0
"""One boot of each simulated board for all parity tests."""

from collections.abc import Callable, Iterator

import pytest
from auscult_host import boards
from auscult_host.simulator import SimBoard


@pytest.fixture(scope="session")
def sim() -> Iterator[Callable[[str], SimBoard]]:
    """sim(name): the running board of that name."""
    running: dict[str, SimBoard] = {}

    def get(name: str) -> SimBoard:
        if name not in running:
            running[name] = SimBoard(name)
        return running[name]

    yield get
    for board in running.values():
        board.close()


@pytest.fixture(params=boards.simulated())
def board(request: pytest.FixtureRequest, sim: Callable[[str], SimBoard]) -> SimBoard:
    """Each simulated board in turn."""
    return sim(request.param)
