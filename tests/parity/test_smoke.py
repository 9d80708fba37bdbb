# SPDX-License-Identifier: Apache-2.0
"""The smoke test of a bundle: every board computes the words that the PC's build of the same C gives, and says so if not."""

import json
from pathlib import Path

import pytest
from auscult_host import build, paths, smoke
from auscult_host import features as table
from auscult_host.simulator import SimBoard
from auscult_host.spec import PipelineSpec
from device.listener import make_listener

from parity.test_bits import STREAMS

MODULES = ("__init__", "smoke", "pipeline")


def streaming(case: str) -> PipelineSpec:
    return PipelineSpec.make(name="under_test_" + case, rate_hz=12000, shaft_hz=29.95, orders={"bpfo": 3.585, "bpfi": 5.415},
                             **STREAMS[case])


SPECS = {
    "f54": lambda: PipelineSpec.make(name="under_test_f54_512x3", window=512, hop=512, axes=list("xyz"),
                                     features=table.names(list("xyz"), table.F54_KINDS)),
    "front": lambda: streaming("envelope"),
    "history": lambda: streaming("decimate"),
    "trigger": lambda: PipelineSpec.make(name="under_test_trigger", window=320, hop=1280, full_scale=156.9064,
                                         features=["std.z", "max.z", "since_max.z", "mean.x"],
                                         trigger={"axis": "z", "level": 2.5, "pre": 32}),
}


def run(board: SimBoard, spec: PipelineSpec, model: object, facts: dict[str, object]) -> dict[str, object]:
    """What the board says of a pipeline and its smoke test."""
    board.soft_reset()  # machine code of earlier modules would stay
    for name in MODULES:
        board.put(paths.assets() / "firmware" / "auscult" / f"{name}.py", f"/auscult/{name}.py")
    board.put(build.native_module(spec, board.board.arch, model), "/slot/pipeline.mpy")  # type: ignore[arg-type]
    board.put_bytes(b'{"pipeline":"pipeline.mpy"}', "/slot/auscult.json")
    board.put_bytes(json.dumps(facts).encode(), "/slot/smoke.json")
    said: dict[str, object] = json.loads(board.exec(
        "import json\nfrom auscult import smoke\nprint(json.dumps(smoke.run('/slot')))", 120))
    board.exec("import os\nfor name in os.listdir('/auscult'): os.remove('/auscult/' + name)\nos.rmdir('/auscult')")
    return said


@pytest.mark.parametrize("case", SPECS)
def test_features_pass(case: str, board: SimBoard) -> None:
    spec = SPECS[case]()
    facts = smoke.facts(spec)
    assert len(facts["out"]) == 3 + len(spec.features) and any(facts["out"][3:])
    assert run(board, spec, None, facts) == {"ok": True, "why": ""}


def test_a_model_passes_and_a_wrong_bit_does_not(board: SimBoard) -> None:
    """In a feature, a probability, the class and the number of words."""
    listener = make_listener()
    facts = smoke.facts(listener.spec, listener.model)
    assert run(board, listener.spec, listener.model, facts)["ok"]
    for at in (1, 3, len(facts["out"]) - 1):
        wrong = list(facts["out"])
        wrong[at] ^= 1
        said = run(board, listener.spec, listener.model, facts | {"out": wrong})
        assert not said["ok"] and f"word {at} of {len(wrong)} is {facts['out'][at]}, not {wrong[at]}" in str(said["why"])
    said = run(board, listener.spec, listener.model, facts | {"out": facts["out"][:-1]})
    assert not said["ok"] and f"{len(facts['out'])} words, not {len(facts['out']) - 1}" in str(said["why"])


def test_a_bundle_carries_its_own(tmp_path: Path) -> None:
    listener = make_listener()
    out = build.bundle(listener.spec, tmp_path / "bundle", ["x64"], listener.model)
    assert json.loads((out / "manifest.json").read_text())["smoke"] == smoke.facts(listener.spec, listener.model)


def test_a_trigger_that_nothing_fires(tmp_path: Path) -> None:
    """No window: then there is nothing to compare, and the board must have none either."""
    spec = PipelineSpec.make(name="under_test_quiet", window=64, hop=640, full_scale=1.0, features=["std.z"],
                             trigger={"axis": "z", "level": 1.9, "pre": 8})
    assert smoke.facts(spec)["out"] == []
