# SPDX-License-Identifier: Apache-2.0
"""The quickest figures of `make accuracy` reach their bars through the compiled C."""

from pathlib import Path

import pytest
from auscult_host.accuracy import fan, temperature


def quiet(text: str) -> None:
    """Progress that nobody reads."""


@pytest.mark.parametrize(("folder", "measure", "figures"), [("nab_temperature", temperature.measure, 2),
                                                            ("ceiling_fan_msa301", fan.measure, 1)])
def test_figures_reach_their_bars(folder: str, measure, figures: int, real_data: Path, tmp_path: Path) -> None:
    if not (real_data / folder).is_dir():
        pytest.skip(f"{folder} is not in {real_data}")
    found = measure(real_data / folder, tmp_path, 1, quiet)
    assert len(found) == figures
    for figure in found:
        assert figure.passed, f"{figure.metric} {figure.value} is below {figure.bar}: {figure.chosen}"
        assert 0 < figure.model_bytes <= 8192
