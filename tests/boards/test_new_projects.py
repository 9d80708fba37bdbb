# SPDX-License-Identifier: Apache-2.0
"""Each template from `auscult new` to verdicts on a simulated board, and what it says of the recording that it is played."""

import contextlib
import json
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from auscult_host import cli, recordings, slow, templates, train, virtual_sensor
from auscult_host.generate import press, states, wrist

Verdicts = list[dict[str, Any]]


def story(said: Verdicts, parts: Iterable[str], seconds: float, skip_s: float) -> bool:
    """Whether most verdicts of each part are right; the first skip_s of each are on the way."""
    for number, label in enumerate(parts):
        begin, end = 1000 * (number * seconds + skip_s), 1000 * (number + 1) * seconds
        part = Counter(v["v"] for v in said if begin <= v["t"] < end)
        if part[label] <= 0.7 * part.total():
            return False
    return True


def grows_into(label: str, fault_at_s: float, within_s: float) -> Callable[[Verdicts], bool]:
    """The state is normal (or yet unknown) most of the time before the fault, and `label` soon after it and at the end."""
    def check(said: Verdicts) -> bool:
        before = [v["s"] for v in said if v["t"] < 1000 * fault_at_s]
        soon = {v["s"] for v in said if fault_at_s < v["t"] / 1000 < fault_at_s + within_s}
        return before.count("normal") > 0.8 * len(before) and label in soon and said[-1]["s"] == label

    return check


def strokes(said: Verdicts) -> bool:
    kinds = ["normal"] * 6
    for bad in press.LABELS[1:]:
        kinds += [bad] * 2 + ["normal"] * 2
    return len(said) == len(kinds) and sum(v["v"] == kind for v, kind in zip(said, kinds, strict=True)) >= len(kinds) - 2


SAYS: dict[str, Callable[[Verdicts], bool]] = {
    "bearing_fault": grows_into("bearing", 15.0, 12.0),
    "machine_anomaly": grows_into("anomaly", 15.0, 12.0),
    "operating_state": lambda said: story(said, states._STORY, states._HOLD_S + states._RAMP_S, states._RAMP_S + 3),
    "quality_gate": strokes,
    "cold_chain": grows_into("compressor", 14 * 3600.0, 4 * 3600.0),
    "environment": grows_into("anomaly", 48 * 3600.0, 12 * 3600.0),
    "motion": lambda said: story(said, wrist.LABELS, 20.0, 5.0),
}


@pytest.mark.parametrize("name", templates.names())
def test_from_nothing_to_the_right_verdicts(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / name
    with pytest.raises(SystemExit) as stopped:
        cli.main(["new", str(folder), "--template", name, "--try", "--json"])
    result = json.loads(capsys.readouterr().out)
    assert not stopped.value.code, result
    played, = result["simulate"]["runs"]
    assert len(played["expectations"]) >= 3 and played["met"]  # of the project's scenario.toml
    assert played["end"]["end"] == "recording ended" and played["end"]["dropped"] == played["end"]["errors"] == 0
    assert SAYS[name](played["verdicts"]), [(v["t"], v["v"], v["s"]) for v in played["verdicts"]]
    assert (folder / "verdicts.png").stat().st_size > 20_000
    assert result["train"]["metrics"]["balanced_accuracy"] > 0.85
    if name in ("cold_chain", "quality_gate"):
        _same_as_on_the_pc(folder, played["verdicts"])


def _same_as_on_the_pc(folder: Path, said: Verdicts) -> None:
    """What a slow sensor and a trigger gave on the board is what the compiled pipeline says here, window by window."""
    trained = train.load(next(folder.glob("*.joblib")))
    recording = recordings.read(folder / "play.parquet")
    template = templates.load(folder / "auscult.toml")
    sensor = virtual_sensor.sensor_settings(trained, template.sensor.chip, template.sensor.bus)
    if template.sensor.chip in slow.chips():
        words = recordings.to_int16(recording, trained.spec.full_scale)
        heard = slow.heard(words, recording.axes, trained, sensor)
    else:
        heard = virtual_sensor.chip_words(recording, template.sensor.chip, sensor["range_g"], trained.spec.full_scale)
    run = trained.pipeline().run(np.ascontiguousarray(heard))
    assert [v["v"] for v in said] == [trained.spec.classes[index] for index in run.index]


def test_a_slow_model_and_a_chip_that_lacks_a_quantity_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["new", str(tmp_path / "cold"), "--template", "cold_chain", "--json"])
    with contextlib.chdir(tmp_path / "cold"):
        for command in (["generate", "--machines", "2", "--sessions", "1", "--json"],
                        ["train", "--trials", "0", "--no-check", "--json"]):
            with pytest.raises(SystemExit) as stopped:
                cli.main(command)
            assert not stopped.value.code
        capsys.readouterr()
        with pytest.raises(SystemExit) as stopped:
            cli.main(["simulate", "--chip", "tmp117", "--json"])
        assert stopped.value.code == 1
    assert "a model of the axis humidity" in json.loads(capsys.readouterr().out)["error"]["found"]
