# SPDX-License-Identifier: Apache-2.0
"""All in the firmware, as `auscult firmware` makes it of a bundle: the pipeline linked into it says the same as the native
module and the host, takes less of the heap, and the frozen device package, with its machine code, reads a sensor."""

import contextlib
from pathlib import Path

import numpy as np
import pytest
from auscult_host import boards, bundles, deploy, devices, payload
from auscult_host.simulator import SimBoard
from auscult_host.transport import Console

from .static_case import Linked, expected, link, run

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


@pytest.fixture(scope="module")
def linked(tmp_path_factory: pytest.TempPathFactory) -> Linked:
    return link("sim_m4", tmp_path_factory.mktemp("linked"))


def test_pipeline_and_package_in_the_firmware(linked: Linked, tmp_path: Path) -> None:
    native = linked.bundle / "pipeline-armv7emsp.mpy"
    with SimBoard("sim_m4", firmware=linked.firmware) as board:
        kept, got = run(board, linked, "linked", tmp_path)
        board.put(native, "/loaded.mpy")
        kept_native, of_native = run(board, linked, "loaded", tmp_path)
        info = board.exec("import linked\nprint(linked.info())")
        files, machine_code, sensor = board.exec(_SENSOR.format(source=str(tmp_path / "in"))).splitlines()
    assert kept <= 64 and kept_native > native.stat().st_size * 0.8
    assert (of_native == got).all() and (got[:, [1, *range(3, got.shape[1])]] == expected(linked)).all()
    assert (got[:, 1] == linked.model.predict(got[:, 5:] >> np.array(linked.spec.shifts))).all()
    assert '"linked"' in info
    assert (files, machine_code) == ("[]", "True")
    n, words = sensor.split()
    assert int(n) >= 64 and bytes.fromhex(words) == linked.data.astype("<i2").tobytes()[: 6 * int(n)]


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
