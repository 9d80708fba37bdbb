# SPDX-License-Identifier: Apache-2.0
"""The house itself: style, types, pages that follow from the code, the wheel."""

import importlib.util
import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from auscult_host import build

ROOT = Path(__file__).resolve().parent.parent.parent


def run(*command: str, **more: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, **more)  # type: ignore[call-overload,no-any-return]


def test_ruff() -> None:
    done = run(sys.executable, "-m", "ruff", "check", "host_tools", "firmware", "boards", "tests", "docs", cwd=ROOT)
    assert done.returncode == 0, done.stdout


def test_types() -> None:
    done = run(sys.executable, "-m", "mypy", cwd=ROOT)
    assert done.returncode == 0, done.stdout


def test_pages_follow_the_code() -> None:
    spec = importlib.util.spec_from_file_location("generate_docs", ROOT / "docs" / "generate.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for file, text in module.pages().items():
        assert file.read_text() == text, f"{file} is out of date: run `make docs`"


def test_readme_is_finished_and_its_links_lead_somewhere() -> None:
    text = (ROOT / "README.md").read_text()
    assert not re.search(r"%[A-Z]+%", text)
    for link in re.findall(r"\]\(([^)#]+)", text):
        assert (ROOT / link).exists(), link


def test_architecture_numbers_agree() -> None:
    """PC and board read the same byte of a .mpy file; the board takes armv7em for armv7m (the same without an FPU)."""
    sys.path.insert(0, str(ROOT / "firmware"))
    from auscult import pipeline

    assert [a for a in build._MPY_ARCHS if a != "armv7em"] == [a for i, a in enumerate(pipeline._ARCH) if i != 6]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    done = run(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", str(out), str(ROOT))
    assert done.returncode == 0, done.stderr
    return next(out.glob("*.whl"))


def test_wheel_works_outside_the_checkout(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
        names = archive.namelist()
    for part in ("firmware/auscult/node.py", "firmware/native/aus_module.c", "boards/sim_m4/board.toml",
                 "models/bearing_fault/template.toml"):
        assert f"auscult_host/_assets/{part}" in names
    assert {"auscult-stubs/py.typed", "auscult-stubs/sensors/lis3dh.pyi"} <= set(names)
    assert not [name for name in names if name.endswith((".pyc", ".elf", ".mpy"))]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "site"), "AUSCULT_CACHE": str(tmp_path / "cache")}
    environment.pop("AUSCULT_DATA", None)

    def auscult(*arguments: str) -> subprocess.CompletedProcess[str]:
        # -P, and another folder: the checkout must not be found
        return run(sys.executable, "-P", "-c", "from auscult_host.cli import main; main()", *arguments, cwd=tmp_path,
                   env=environment)

    listed = auscult("boards", "--json")
    assert listed.returncode == 0, listed.stderr
    assert "sim_rv32" in listed.stdout
    assert auscult("generate", "data", "--machines", "2", "--sessions", "1", "--seconds", "3").returncode == 0
    trained = auscult("train", "data", "--out", "model.joblib", "--trials", "0", "--no-check", "--json")
    assert trained.returncode == 0, trained.stderr
    assert json.loads(trained.stdout)["classes"]
    assert (tmp_path / "cache" / "host").is_dir()


@pytest.mark.parametrize("arguments", [["--help"], ["build", "--help"], ["train", "--help"], ["simulate", "--help"]])
def test_help(arguments: list[str]) -> None:
    done = run(sys.executable, "-m", "auscult_host.cli", *arguments, env={**os.environ, "PYTHONPATH": str(ROOT / "host_tools")})
    assert done.returncode == 0 and "auscult" in done.stdout
