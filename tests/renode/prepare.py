# SPDX-License-Identifier: Apache-2.0
"""Makes what the Renode suites need: a model, a recording that it has not heard, what the PC makes of it, and the images of file
systems that a board boots from.    prepare.py FOLDER"""

import base64
import dataclasses
import json
import sys
import tempfile
from pathlib import Path

from auscult_host import boards, build, bundles, dataset, generate, payload, recordings, train, virtual_sensor
from auscult_host.exporters.resd_file import write_resd
from auscult_host.renode import fat_image, files

BOARD, CHIP = "STM32F4DISC", "lis2dw12"
RATE_HZ, WINDOW, SECONDS, FAULT_AT_S = 400.0, 256, 14.0, 6.0
FAULT, K, N = "unbalance", 2, 3
# One chunk is a line of its own: the raw REPL compiles the whole text, so lines are short and their result is dropped.
_UPLOAD = """\
import binascii
f = open("/flash/model_a/pipeline.mpy", "wb")
w = lambda s: f.write(binascii.a2b_base64(s))
{chunks}
f.close()
print("UPLOADED", {size})
"""
_SMOKE = """\
import sys
sys.path.insert(0, "/flash/app_a")
from auscult import smoke
r = smoke.run("/flash/model_a")
print("SMOKE", r["ok"], r["why"])
"""
_SCENARIO = """\
# one declaration for two simulators: auscult simulate fault.toml [--simulator renode]
boards = ["sim_m4", "STM32F4DISC"]
bundle = "bundle"
recordings = ["recording.parquet"]
chip = "{chip}"
decision = {{ k = {k}, n = {n} }}
expect = ["{fault} after {at:g} s", "no lost samples"]
"""


def trained() -> tuple[train.Trained, recordings.Recording]:
    """A forest of two generated machines, and a third one that develops a fault."""
    with tempfile.TemporaryDirectory() as folder:
        generate.generate(Path(folder), machines=2, sessions=2, seconds=12.0, faults=["normal", FAULT], rate_hz=RATE_HZ)
        settings = train.Settings(window=WINDOW, hop=WINDOW, features=("std_log2", "crest", "zero_crossings"), trees=5)
        model = train.train(dataset.load(Path(folder)), settings, group_by="machine", name="renode")
    playing = generate.machine_run(generate.make_machine(2), FAULT, seconds=SECONDS, rate_hz=RATE_HZ, developing=True,
                                   fault_at_s=FAULT_AT_S, growth_s=0.2)
    return model, playing


def main(out: Path) -> None:
    model, playing = trained()
    out.mkdir(parents=True, exist_ok=True)
    bundle = build.bundle(model.spec, out / "bundle", ["armv7emsp"], model.code(), {"training": model.training})
    source = bundles.read(bundle)
    config = payload.configuration(source, boards.load(BOARD), chip=CHIP, bus="i2c", k=K, n=N)
    made = payload.make(source, config, "armv7emsp", BOARD)
    (out / "auscult.json").write_text(json.dumps(config))
    words = virtual_sensor.signal(playing, config["sensor"], model.spec.full_scale).words
    (out / "recording.i16").write_bytes(words.astype("<i2").tobytes())
    recordings.write(playing, out / "recording.parquet")
    write_resd(recordings.read_header(out / "recording.parquet"), out / "recording.resd")
    verdicts = [model.spec.classes[verdict.index] for verdict in model.pipeline().push(words)]
    assert verdicts[0] == "normal", "the recording does not begin as a healthy machine's"
    assert verdicts[-1] == FAULT, "the fault is not heard"

    wrong = json.loads(made.model["smoke.json"])
    wrong["out"][-1] += 1
    failing = dataclasses.replace(made, model={**made.model, "smoke.json": json.dumps(wrong).encode()})
    feed, module = files.common("feed.py"), made.model["pipeline.mpy"]
    whole = files.deployed(made, feed)
    images = {
        "empty": {"boot.py": b"# nothing to do\n"},
        "package": {name: data for name, data in whole.items() if name not in ("main.py", "model_a/pipeline.mpy")},
        "verdict": files.deployed(made, feed, first=True),
        "lis2dw12": files.deployed(made, files.common("wait.py")),
        "rollback": files.deployed(made, feed, trial=failing),
        "used": files.deployed(made, feed, trial=made, tries=1),
    }
    for name, contents in images.items():
        (out / f"{name}.img").write_bytes(fat_image.make(contents, boards.load_real(BOARD).memory.files_kib))
    chunks = [base64.b64encode(module[at : at + 192]).decode() for at in range(0, len(module), 192)]
    lines = "\n".join(f"w('{chunk}') and None" for chunk in chunks)
    (out / "upload.py").write_text(_UPLOAD.format(size=len(module), chunks=lines))
    (out / "smoke.py").write_text(_SMOKE)
    (out / "fault.toml").write_text(_SCENARIO.format(chip=CHIP, k=K, n=N, fault=FAULT, at=FAULT_AT_S))
    expected = {"verdicts": verdicts, "fault": FAULT, "fault_at_ms": 1000 * FAULT_AT_S, "module_bytes": len(module),
                "within_ms": 1000 * (K + 1.5) * WINDOW / RATE_HZ}
    (out / "expected.json").write_text(json.dumps(expected) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
