# SPDX-License-Identifier: Apache-2.0
"""The node's lines: the longest one fits, and a failing serial line loses lines only."""

import io
import json

import pytest
from auscult.report import Report


class Extreme:
    """A pipeline's place, with the longest of everything."""

    index, window, marked, has_score, score = 1, -(2**31), True, True, -(2**31)

    def proba(self, i: int) -> int:
        return 32768


LABELS = ["normal", "b" * 32]


@pytest.mark.parametrize("has_score", [True, False])
def test_the_longest_line_fits(has_score: bool) -> None:
    out, place = io.BytesIO(), Extreme()
    place.has_score = has_score
    report = Report(LABELS, out, every="change", heartbeat_s=1)
    report._seconds, report._ms, report._quiet_ms = 2**31 - 1, 999, 5000
    report.verdict(place, 1, False, 0, 2**31 - 1)
    said = json.loads(out.getvalue())
    assert said == {"t": 2147483647999, "w": place.window, "v": LABELS[1], "s": LABELS[1], "h": 1, "d": 2**31 - 1,
                    **({"score": place.score} if has_score else {"p": 1.0})}
    assert report.lines == 1 and report.bytes == len(out.getvalue())


def test_a_failing_line_is_counted_as_cut() -> None:
    class Broken:
        def write(self, data: bytes) -> int:
            raise OSError(5)

    report = Report(LABELS, Broken())
    report.verdict(Extreme(), 0, True)
    report.note("warn", "nobody hears this")
    assert report.cut == 2 and report.bytes == 0
