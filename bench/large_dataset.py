# SPDX-License-Identifier: Apache-2.0
"""Import, scan and features of a dataset of any size, and the most memory that each step took.

    python bench/large_dataset.py --gigabytes 10 --folder /somewhere

Makes WAV files of 250 MB (16 bit, three axes; noise, a shaft and gravity) of as many bytes as asked for as float32,
imports them, scans the dataset, computes 12 features of every window of 512, and deletes all again. Each step runs in a
process of its own; its peak resident memory is what the kernel says.
"""

import argparse
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SAMPLES = 21_000_000  # of a file: 252 MB as float32
SEED_SAMPLES = 1 << 20  # made once, and repeated


def make(folder: Path, count: int) -> None:
    import numpy as np
    from auscult_host.dataset import scan
    from auscult_host.exporters.wav_file import write_wav16
    from auscult_host.recordings import Recording, write

    rng = np.random.default_rng(0)
    source = folder / "seed" / "seed.parquet"
    for number in range(count):
        data = rng.normal(0, 2, (SEED_SAMPLES, 3)) + [0, 0, 9.8] + np.sin(np.arange(SEED_SAMPLES) / 20)[:, None]
        write(Recording(data, 26667.0, label=("normal", "worn")[number % 2], machine=f"m{number % 8}", name="seed"), source)
        entry, = scan(source)
        blocks = list(entry.blocks())

        def repeated(blocks=blocks):
            left = SAMPLES
            while left:
                for block in blocks:
                    yield block[:left]
                    left -= min(left, len(block))

        entry.samples, entry.name, entry.blocks = SAMPLES, f"r{number:03d}", repeated
        (folder / "in").mkdir(exist_ok=True)
        write_wav16(entry, folder / "in" / f"r{number:03d}.wav")


def do_import(folder: Path, count: int) -> None:
    from auscult_host.importers import Notes, Options, stream_sources, write_dataset

    assert len(write_dataset(stream_sources([folder / "in"], Options(), Notes()), folder / "set")) == count


def do_scan(folder: Path, count: int) -> None:
    from auscult_host import dataset

    entries = dataset.scan(folder / "set")
    assert len(entries) == count
    dataset.choose_full_scale(entries)


def do_features(folder: Path, count: int) -> None:
    from auscult_host import dataset
    from auscult_host.hostlib import HostPipeline
    from auscult_host.spec import PipelineSpec

    entries = dataset.scan(folder / "set")
    kinds = ("rms", "std_log2", "crest", "kurtosis")
    spec = PipelineSpec.make(window=512, hop=512, axes=list(entries[0].axes), rate_hz=entries[0].rate_hz,
                             full_scale=dataset.choose_full_scale(entries), features=[f"{k}.{a}" for k in kinds for a in "xyz"])
    table = dataset.table((entry.read() for entry in entries), HostPipeline(spec))
    assert len(table.raw) == count * (SAMPLES // 512)


def do_fingerprint(folder: Path, count: int) -> None:
    from auscult_host import dataset

    dataset.fingerprint(dataset.scan(folder / "set"))


STEPS = {"make": make, "import": do_import, "scan": do_scan, "features": do_features, "fingerprint": do_fingerprint}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--gigabytes", type=float, default=10.0)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()))
    parser.add_argument("--step", choices=STEPS)
    arguments = parser.parse_args()
    count = max(1, round(arguments.gigabytes * 1e9 / (SAMPLES * 12)))
    if arguments.step:
        STEPS[arguments.step](arguments.folder, count)
        print(json.dumps(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024))
        return
    print(f"{count} recordings of {SAMPLES:,} samples, {count * SAMPLES * 12 / 1e9:.1f} GB as float32")
    with tempfile.TemporaryDirectory(dir=arguments.folder, prefix="auscult-large-") as folder:
        for step in STEPS:
            begun = time.monotonic()
            done = subprocess.run([sys.executable, __file__, "--step", step, "--gigabytes", str(arguments.gigabytes), "--folder",
                                   folder], capture_output=True, text=True)
            if done.returncode:
                sys.exit(done.stderr)
            print(f"{step:12} peak {done.stdout.strip():>5} MiB  {time.monotonic() - begun:6.0f} s", flush=True)
            if step == "import":
                shutil.rmtree(Path(folder) / "in")


if __name__ == "__main__":
    main()
