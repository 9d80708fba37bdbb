# SPDX-License-Identifier: Apache-2.0
"""Booted boards, shared by the tests of a module; each test starts with a fresh interpreter."""

from collections.abc import Iterator

import pytest
from auscult_host.simulator import SimBoard
from boards_code import BOARDS


@pytest.fixture(scope="module", params=BOARDS)
def booted(request: pytest.FixtureRequest) -> Iterator[SimBoard]:
    with SimBoard(request.param, data_uart=True, args={"greeting": "Grüß Gott, 100 %"}) as board:
        yield board


@pytest.fixture
def board(booted: SimBoard) -> SimBoard:
    """Virtual time is the PC's."""
    booted.soft_reset()
    return booted


@pytest.fixture(scope="module", params=BOARDS)
def booted_counting(request: pytest.FixtureRequest) -> Iterator[SimBoard]:
    with SimBoard(request.param, deterministic=True) as board:
        yield board


@pytest.fixture
def counting(booted_counting: SimBoard) -> SimBoard:
    """Virtual time counts instructions."""
    booted_counting.soft_reset()
    return booted_counting
