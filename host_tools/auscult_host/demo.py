# SPDX-License-Identifier: Apache-2.0
"""The main job end to end, on a simulated board: recordings, training, building, deploying, listening, deciding."""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from . import dataset, evaluate, generate, importers, paths, pictures, playback, recordings, train
from .errors import AuscultError
from .simulator import SimBoard

BOARD = "sim_m4"
_COUNT = """
import simboard
from array import array
from auscult import pipeline
p = pipeline.load('/pipeline.mpy')
block = bytearray({bytes})
with open('/window.i16', 'rb') as f: f.readinto(block)
p.push(block)
def cost(turns, what):
    a = simboard.instructions()
    for _ in range(turns): what(block)
    return simboard.instructions() - a
print((cost(20, p.push) - cost(20, len)) // 20)
"""


@dataclass
class Story:
    """What is played: recordings to learn from, and one of a machine that was not among them."""

    training: list[recordings.Recording]
    playing: recordings.Recording
    settings: train.Settings
    group_by: str
    about: str


def made() -> Story:
    """Recordings from physics: four machines to learn from, a fifth develops a bearing fault."""
    folder = paths.cache() / "demo" / "data"
    generate.generate(folder, machines=4, sessions=2, seconds=12.0)
    machine = generate.make_machine(4)
    playing = generate.machine_run(machine, "bearing", seconds=40.0, developing=True, fault_at_s=15.0, growth_s=10.0)
    return Story(dataset.load(folder), playing, train.Settings(window=512, hop=512), "machine",
                 "4 generated machines to learn from; a fifth, never heard, develops a bearing fault after 15 s")


def pumps(data: Path) -> Story:
    """The real pump set: one normal and one faulty session are kept out of training, and played one after the other."""
    found = importers.import_sources([data / "pump_beanscape"], importers.Options()).recordings
    normal = [r for r in found if r.label == "normal"]
    faulty = [r for r in found if r.label != "normal"]
    if not normal or not faulty:
        raise AuscultError(f"{data}/pump_beanscape has no normal or no faulty recordings", "both",
                           "check $AUSCULT_DATA, or unset it to use generated machines")
    out = {min(r.session for r in part) for part in (normal, faulty)}
    first = [r for r in normal if r.session in out][:4]
    then = [r for r in faulty if r.session in out][:4]
    joined = replace(first[0], data=np.concatenate([r.data for r in first + then]), name="pump_spliced",
                     fault_at_s=sum(r.seconds for r in first))
    return Story([r for r in found if r.session not in out], joined, train.Settings(window=512, hop=512), "session",
                 f"real pumps; sessions {' and '.join(sorted(out))} are kept out of training, and played one after the "
                 "other (spliced: these recordings hold no onset)")


def run(say: Callable[[str], None], verdict: Callable[[playback.Played, dict[str, Any]], None],
        progress: Callable[[str], None]) -> dict[str, Any]:
    """The whole story; returns its figures, which are also in build/demo/demo.json beside the picture."""
    folder = paths.cache() / "demo"
    folder.mkdir(parents=True, exist_ok=True)
    data = os.environ.get("AUSCULT_DATA")
    progress("recordings")
    story = pumps(Path(data)) if data else made()
    say(f"[bold]1 recordings[/]  {len(story.training)} of {sum(r.seconds for r in story.training):.0f} s in all: {story.about}")

    progress("training")
    trained = train.train(story.training, story.settings, group_by=story.group_by, name="demo")
    trained.metrics = evaluate.evaluate(trained, story.training, group_by=story.group_by,
                                        progress=lambda text: progress(f"judging, {text}"))
    train.save(trained, folder / "demo.joblib")
    score = trained.metrics["balanced_accuracy"]
    say(f"[bold]2 training[/]    forest of {story.settings.trees} trees on {len(trained.spec.features)} features; balanced "
        f"accuracy {score:.2f} on {trained.metrics['group_by']}s held out, through the compiled C")

    counted: dict[str, int] = {}

    def count(board: SimBoard, staged: Path) -> None:
        words = recordings.to_int16(story.playing, trained.spec.full_scale)[:trained.spec.window]
        board.put_bytes(words.astype("<i2").tobytes(), "/window.i16")
        counted["instructions"] = int(board.exec(_COUNT.format(bytes=words.size * 2)))
        counted["module_bytes"] = (staged / "pipeline.mpy").stat().st_size
        progress("playing")
        say(f"[bold]3 building[/]    pipeline.mpy for {board.board.arch}, {counted['module_bytes']:,} bytes: features and model")
        say(f"[bold]4 deploying[/]   to {BOARD} ({board.board.mcu}, MicroPython, simulated) with mpremote")
        say("[bold]5 listening[/]   through an ADXL345 on I2C; a letter a window: [dim]·[/] normal, else the fault's first")

    played = None
    for played, line in playback.play(trained, story.playing, BOARD, progress=progress, on_board=count):
        verdict(played, line)
    if played is None:
        raise AuscultError(f"{BOARD} said nothing", "verdicts", "run the demo again")
    fault_at_s = story.playing.fault_at_s or 0.0
    detected_s = played.detected_s(after_s=fault_at_s)
    picture = pictures.spectrogram_with_verdicts(
        story.playing, played.strip(), folder / "verdicts.png", fault_at_s=fault_at_s, detected_at_s=detected_s,
        title=f"{story.playing.machine or 'machine'}: what {BOARD} heard and said")
    result = {
        "board": BOARD, "windows": played.end["windows"], "dropped": played.end["dropped"], "fault_at_s": fault_at_s,
        "detected_s": detected_s, "time_to_detection_s": None if detected_s is None else round(detected_s - fault_at_s, 3),
        "false_alarms_before": sum(at <= fault_at_s for at in played.alarms()),
        "in_alarm_before": played.in_alarm(fault_at_s), "bytes_sent": played.end["bytes"], "bytes_raw": played.raw_bytes,
        "instructions_per_window": counted["instructions"], "module_bytes": counted["module_bytes"],
        "balanced_accuracy_held_out": round(score, 4), "true_rate_hz": played.end["rate_mhz"] / 1000, "picture": str(picture),
    }
    (folder / "demo.json").write_text(json.dumps(result, indent=2) + "\n")
    return result
