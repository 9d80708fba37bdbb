# SPDX-License-Identifier: Apache-2.0
"""Real recordings all the way: import, train by session, build, play through the virtual chip to the node on sim_m4."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from auscult_host import importers, playback, recordings, train
from auscult_host.recordings import Recording


def fan(folder: Path) -> tuple[list[Recording], list[Recording]]:
    """(to learn from, to play): low speed, one recording of each label; their last 10 s are kept out."""
    found = importers.import_sources([folder / "ceiling_fan_msa301"], importers.Options()).recordings
    used = [next(r for r in found if r.label == label and "low" in r.name) for label in sorted({r.label for r in found})
            if any(r.label == label and "low" in r.name for r in found)]
    assert len(used) == 2, [(r.name, r.label) for r in found]
    cut = int(10 * used[0].rate_hz)
    return [replace(r, data=r.data[:-cut][-20 * cut:]) for r in used], [replace(r, data=r.data[-cut:]) for r in used]


def pumps(folder: Path) -> tuple[list[Recording], list[Recording]]:
    """(to learn from, to play): one normal and one faulty session are kept out."""
    found = importers.import_sources([folder / "pump_beanscape"], importers.Options()).recordings
    sessions = {label: sorted({r.session for r in found if r.label == label}) for label in {r.label for r in found}}
    out = {names[0] for names in sessions.values()}
    assert len(sessions) == 2
    return ([r for r in found if r.session not in out][::4],
            [next(r for r in found if r.session == session) for session in sorted(out)])


@pytest.mark.parametrize(("load", "window", "chip", "bus"), [(fan, 200, "lis2dw12", "spi"), (pumps, 512, "adxl345", "i2c")])
def test_the_boards_verdicts_are_the_hosts(load, window: int, chip: str, bus: str, real_data: Path) -> None:
    learn, play = load(real_data)
    settings = train.Settings(window=window, hop=window // 2, features=("std_log2", "crest", "kurtosis", "share_1_8", "share_2_8",
                                                                       "env_kurtosis"))
    trained = train.train(learn, settings, group_by="session", name="real")
    said = set()
    for recording in play:
        *_, (played, _) = playback.play(trained, recording, "sim_m4", chip=chip, bus=bus)
        host = trained.pipeline().push(played.heard)
        assert len(host) == (len(recording.data) - window) // settings.hop + 1
        assert [v["w"] for v in played.verdicts] == [v.window for v in host]
        assert [v["v"] for v in played.verdicts] == [trained.spec.classes[v.index] for v in host]
        # printed with two digits, rounded half up
        assert np.allclose([v["p"] for v in played.verdicts], [v.proba[v.index] for v in host], atol=0.00501)
        assert played.end["dropped"] == played.end["overruns"] == 0
        assert played.end["samples"] == len(recording.data) and played.end["errors"] == 0
        if recording.seconds >= 10:  # before, the node gives no estimate
            assert abs(played.end["rate_mhz"] / 1000 / recording.rate_hz - 1) < 0.001
        said |= {v["v"] for v in played.verdicts}
    assert len(said) > 1, "the recordings played were all called the same: the comparison would not notice much"


def test_an_imported_recording_survives_the_file(real_data: Path, tmp_path: Path) -> None:
    recording = pumps(real_data)[1][0]
    path = recordings.write(recording, tmp_path / "pump.parquet")
    assert (recordings.read(path).data == recording.data).all()
