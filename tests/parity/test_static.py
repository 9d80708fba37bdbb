# SPDX-License-Identifier: Apache-2.0
"""All in the firmware, as `auscult firmware` makes it of a bundle: the pipeline linked into it says the same as the native
module and the host, takes less of the heap, and the frozen device package, with its machine code, reads a sensor."""

import contextlib
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import windows
from auscult_host import boards, build, bundles, deploy, devices, firmware, payload
from auscult_host import features as table
from auscult_host.estimators import convert
from auscult_host.hostlib import HostPipeline, choose_shifts
from auscult_host.simulator import SimBoard
from auscult_host.spec import PipelineSpec
from auscult_host.transport import Console
from sklearn.ensemble import RandomForestClassifier

_RUN = """
import array, gc, simboard
gc.collect(); heap = gc.mem_alloc()
import {name} as p
gc.collect(); print(gc.mem_alloc() - heap)
st, out = bytearray(p.STATE_BYTES), array.array('i', bytes(4 * p.OUT_WORDS))
f, o, b = simboard.host_open({source!r}, 'rb'), simboard.host_open({target!r}, 'wb'), bytearray({size})
for _ in range({n}):
    f.readinto(b); p.push(st, b, 0, out); o.write(out)
f.close(); o.close()
"""

# No file system has a part in it: /lib is empty.
_SENSOR = """
import os, simboard, time
from auscult import config, quality, quality_viper
from auscult.node import make_bus
from auscult.sensors import driver, unpack, unpack_viper
from auscult.virtual.setup import attach
settings = config.check({{"sensor": {{"chip": "lsm6dso", "rate_hz": 833}}}})
attach(settings, {source!r})
sensor = driver("lsm6dso")(make_bus(settings["sensor"]))
sensor.configure(833)
sensor.start()
time.sleep_ms(100)
block = sensor.block()
n = sensor.read_fifo_into(block)
print(os.listdir("/lib") if "lib" in os.listdir("/") else [])
print(unpack.untag is unpack_viper.untag and quality.scan is quality_viper.scan)
print(n, block.data[: 6 * n].hex())
"""


class Linked(NamedTuple):
    """A pipeline, and the firmware that it is linked into."""

    spec: PipelineSpec
    model: RandomForestClassifier
    code: Any
    data: np.ndarray
    bundle: Path
    firmware: Path


@pytest.fixture(scope="module")
def linked(tmp_path_factory: pytest.TempPathFactory) -> Linked:
    folder = tmp_path_factory.mktemp("linked")
    spec = PipelineSpec.make(name="linked", window=128, hop=128, axes=list("xyz"),
                             features=table.names(list("xyz"), ["std", "kurtosis", "share_2_8"]))
    data = windows.signals(128, 3, 1000)
    raw = HostPipeline(spec).features(data)
    spec = spec.model_copy(update={"shifts": choose_shifts(raw), "classes": ["a", "b"]})
    model = RandomForestClassifier(8, max_depth=5, random_state=0)
    model.fit(raw >> np.array(spec.shifts), raw[:, 0] > np.median(raw[:, 0]))
    code = convert(model, len(spec.features))
    bundle = build.bundle(spec, folder / "linked.bundle", ["armv7emsp"], code)
    made = firmware.make(firmware.Wanted("sim_m4", bundle), folder / "out")
    assert made["pipeline"] == "linked" and made["images"].keys() == {"firmware.elf"}
    return Linked(spec, model, code, data, bundle, folder / "out" / "firmware.elf")


def test_pipeline_and_package_in_the_firmware(linked: Linked, tmp_path: Path) -> None:
    spec, data, bundle = linked.spec, linked.data, linked.bundle
    expected = [v for w in data for v in HostPipeline(spec, linked.code).push(w)]
    (tmp_path / "in").write_bytes(data.astype("<i2").tobytes())
    run = _RUN.format(name="{name}", source=str(tmp_path / "in"), target=str(tmp_path / "words"), n=len(data),
                      size=data[0].size * 2)
    with SimBoard("sim_m4", firmware=linked.firmware) as board:
        kept = int(board.exec(run.format(name="linked")))
        got = np.frombuffer((tmp_path / "words").read_bytes(), "<i4").reshape(len(data), -1)
        board.put(bundle / "pipeline-armv7emsp.mpy", "/loaded.mpy")
        kept_native = int(board.exec(run.format(name="loaded")))
        assert (np.frombuffer((tmp_path / "words").read_bytes(), "<i4").reshape(len(data), -1) == got).all()
        info = board.exec("import linked\nprint(linked.info())")
        files, machine_code, sensor = board.exec(_SENSOR.format(source=str(tmp_path / "in"))).splitlines()
    assert kept <= 64 and kept_native > (bundle / "pipeline-armv7emsp.mpy").stat().st_size * 0.8
    assert [int(row[1]) for row in got] == [v.index for v in expected]
    assert (got[:, 3:5] == np.array([v.proba for v in expected]) * 32768).all()
    assert (got[:, 5:] == np.array([v.features for v in expected])).all()
    rows = np.array([v.features for v in expected]) >> np.array(spec.shifts)
    assert (got[:, 1] == linked.model.predict(rows)).all()
    assert '"linked"' in info
    assert (files, machine_code) == ("[]", "True")
    n, words = sensor.split()
    assert int(n) >= 64 and bytes.fromhex(words) == data.astype("<i2").tobytes()[: 6 * int(n)]


def test_only_the_configuration_is_deployed(linked: Linked, tmp_path: Path) -> None:
    """On a board with all in its firmware; its smoke test and its node run what is there."""
    source = bundles.read(linked.bundle)
    config = payload.configuration(source, boards.load("sim_m4"))
    with (SimBoard("sim_m4", firmware=linked.firmware, args={"machine": str(tmp_path / "machine.json")}) as board,
          contextlib.closing(Console(board.port)) as console):
        connected = devices.Device("sim_m4", board.port, console, board, tmp_path)
        project = payload.make(source, config, "armv7emsp", "sim_m4", simulated=True, built_in=True)
        assert project.model.keys() == {"auscult.json", "smoke.json"} and not project.app
        result = deploy.install(connected, project)
        assert result.switched and result.smoke and sorted(result.sent)[-1].endswith("smoke.json")
        connected.listen(linked.data[:8].reshape(-1, 3), loop=True)
        outcome = deploy.start(connected)
    assert outcome.state == "confirmed", outcome.lines
