# SPDX-License-Identifier: Apache-2.0
"""A dataset much larger than what a step may take of memory; each step in a process of its own, by the kernel's count.

bench/large_dataset.py does the same with 10 GB.
"""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pytest

FILES, SAMPLES = 10, 2_500_000  # 300 MB as float32, 30 MB each
MOST_MB = 170  # beyond what the imports take: a few times a recording, far from all of them

MEASURED = """
import resource, sys
from pathlib import Path
from auscult_host import dataset
from auscult_host.exporters import export
from auscult_host.hostlib import HostPipeline
from auscult_host.importers import Notes, Options, stream_sources, write_dataset
from auscult_host.spec import PipelineSpec
import pyarrow.csv, sklearn
folder = Path(sys.argv[1])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
{step}
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""
IMPORT = "assert len(write_dataset(stream_sources([folder / 'in'], Options(rate_hz=1000.0), Notes()), folder / 'set')) == {files}"
FEATURES = """
entries = dataset.scan(folder / 'set')
spec = PipelineSpec.make(window=512, hop=512, axes=['x', 'y', 'z'], full_scale=dataset.choose_full_scale(entries),
                         features=['rms.x', 'rms.z'])
assert len(dataset.table((entry.read() for entry in entries), HostPipeline(spec)).raw) > 40_000
"""
FINGERPRINT = "dataset.fingerprint(dataset.scan(folder / 'set'))"
EXPORT = "export(dataset.scan(folder / 'set'), folder / 'out', 'wav')"


def grown_mb(folder: Path, step: str) -> int:
    run = subprocess.run([sys.executable, "-c", MEASURED.format(step=step), str(folder)], capture_output=True, text=True,
                         env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}, check=False)
    assert run.returncode == 0, run.stderr
    return int(run.stdout)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("large")
    (folder / "in").mkdir()
    data = np.tile(np.random.default_rng(0).normal(0, 1, (2500, 3)).astype(np.float32) + np.float32([0, 0, 9.8]), (1000, 1))
    for number in range(FILES):
        np.save(folder / "in" / f"r{number}.npy", data)
    return folder


def test_no_step_holds_the_dataset(folder: Path) -> None:
    for name, step in (("import", IMPORT.format(files=FILES)), ("features", FEATURES), ("fingerprint", FINGERPRINT),
                       ("export", EXPORT)):
        grown = grown_mb(folder, step)
        assert grown < MOST_MB, f"{name} took {grown} MB more for a dataset of {FILES * SAMPLES * 12 / 1e6:.0f} MB"


def test_a_large_csv_is_cut_as_it_is_read(tmp_path: Path) -> None:
    """3 million rows, 190 MB, of 30 subjects."""
    rows = 100_000
    (tmp_path / "in").mkdir()
    values = [pa.array(np.tile(np.random.default_rng(0).normal(mean, 1, 1000), rows // 1000)) for mean in (0, 0, 9.8)]
    with (tmp_path / "in" / "all.csv").open("wb") as file:
        file.write(b"subject,activity,x,y,z\n")
        for subject in range(30):
            table = pa.table([pa.array([f"s{subject}"] * rows), pa.array(["walking"] * rows), *values], names=list("abcde"))
            pa.csv.write_csv(table, file, pa.csv.WriteOptions(include_header=False))
    assert grown_mb(tmp_path, IMPORT.format(files=30)) < MOST_MB
