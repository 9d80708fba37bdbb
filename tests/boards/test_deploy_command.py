# SPDX-License-Identifier: Apache-2.0
"""`auscult deploy` as it is typed: from a model file to a node that listens, on a simulated board."""

import json
from pathlib import Path
from typing import Any

import pytest
from auscult_host import cli, devices


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, dict[str, Any]]:
    """Exit code and what the command prints with --json."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        cli.main([*map(str, arguments), "--json"])
    printed = capsys.readouterr().out
    found: dict[str, Any] = json.loads(printed)
    return int(ended.value.code or 0), found


def test_from_a_model_file_to_a_node_that_listens(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                                  capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(devices, "flash_file", lambda name: tmp_path / f"{name}.flash")
    monkeypatch.chdir(tmp_path)
    heard = ("--recording", model.parent / "unbalance.parquet")
    code, first = run(capsys, "deploy", model, "-d", "sim_m4", *heard)
    assert code == 0 and first["state"] == "confirmed" and first["smoke"] and first["switched"]
    assert "model_a/pipeline.mpy" in first["sent"] and first["bytes"] > 10000

    code, again = run(capsys, "deploy", model, "-d", "sim_m4")
    assert code == 0 and again["state"] == "unchanged" and again["wire"] < 2000 and not again["sent"]

    for arguments, error in (
            (("deploy", model, "-d", "sim_m4", "--set", "sensor.rate=1"), "--set sensor.rate"),
            (("deploy", model, "-d", "sim_m4", "--chip", "adxl999"), "the chip 'adxl999'"),
            (("deploy", tmp_path, "-d", "sim_m4"), "is not a bundle"),
            (("deploy", model, "-d", "sim_m4", "--config", tmp_path / "none.json"), "cannot be read"),
            (("deploy", model, "-d", tmp_path / "no_port"), "no port")):
        code, said = run(capsys, *arguments)
        assert code == 1 and error in said["error"]["found"], said

    (tmp_path / "bad.json").write_text(json.dumps({"pipeline": "pipeline.mpy", "decision": {"normal": "normal", "per_class": {
        "no such class": {"k": 2}}}}))
    code, failed = run(capsys, "deploy", model, "-d", "sim_m4", "--config", tmp_path / "bad.json")
    assert code == 1 and "has gone back: decision.per_class names no such class" in failed["error"]["found"]
    code, kept = run(capsys, "deploy", model, "-d", "sim_m4")
    assert code == 0 and kept["state"] == "unchanged"

    # the last: what is on trial is started by whatever starts the board next
    code, changed = run(capsys, "deploy", model, "-d", "sim_m4", "--set", "report.every=change", "--no-start")
    assert code == 0 and changed["state"] == "on trial" and changed["sent"] == ["model_b/auscult.json"]
