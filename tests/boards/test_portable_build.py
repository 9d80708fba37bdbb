# SPDX-License-Identifier: Apache-2.0
"""`auscult build` for boards whose compiler is not here: portable files, the rates that are realistic, and those that are not."""

import dataclasses
import json
from pathlib import Path

import pytest
from auscult_host import bench_models, build, train
from auscult_host.cli import app
from auscult_host.errors import AuscultError
from typer.testing import CliRunner

pytestmark = pytest.mark.skipif(build.has_compiler("xtensawin"), reason="here is a compiler for Xtensa")


def _build(folder: Path, rate_hz: float, *options: str) -> dict[str, object]:
    trained, _ = bench_models.machine()
    spec = trained.spec.model_copy(update={"rate_hz": rate_hz})
    model = train.save(dataclasses.replace(trained, spec=spec), folder / "machine.joblib")
    result = CliRunner().invoke(app, ["build", str(model), "--board", "ESP32_GENERIC", "--json", *options])
    if isinstance(result.exception, AuscultError):
        raise result.exception
    assert result.exit_code == 0, result.output
    found: dict[str, object] = json.loads(result.stdout.splitlines()[-1])
    return found


def test_portable_where_there_is_no_compiler(tmp_path: Path) -> None:
    found = _build(tmp_path, 1000)
    files = found["files"]
    assert isinstance(files, dict) and set(files) == {"portable", "portable-py", "portable-xtensawin"}
    for entry in files.values():
        assert (tmp_path / "machine.bundle" / entry["file"]).stat().st_size == entry["bytes"]
    rates = found["portable"]
    assert isinstance(rates, list)
    machine, bytecode = rates
    assert machine["counted"]["kind"] == "portable-xtensawin" and bytecode["counted"]["kind"] == "portable"
    # 0.7 of 160 million cycles a second, 2 for each instruction
    hop = bench_models.machine()[0].spec.hop
    assert machine["highest_hz"] == pytest.approx(0.7 * 160e6 / 2 / machine["instructions"] * hop)
    assert machine["share"] == pytest.approx(0.7 * 1000 / machine["highest_hz"])
    assert 20 * machine["instructions"] < bytecode["instructions"]


def test_a_rate_that_is_not_realistic_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AuscultError) as raised:
        _build(tmp_path, 100_000)
    text = str(raised.value)
    assert "of the time of ESP32_GENERIC at 100000 Hz" in text and "up to" in text
    assert "xtensa-esp32-elf-gcc" in text and "--force" in text
    assert not (tmp_path / "machine.bundle").exists()
    assert set(_build(tmp_path, 100_000, "--force")["files"]) >= {"portable-xtensawin"}  # type: ignore[call-overload]
