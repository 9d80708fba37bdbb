# SPDX-License-Identifier: Apache-2.0
"""Shared fixtures: where the real recordings are, and a small model with its recordings."""

import os
from pathlib import Path

import pytest
from auscult_host import generate, recordings, train
from hypothesis import settings

ROOT = Path(__file__).resolve().parent.parent
settings.register_profile("any_speed", deadline=None)  # a busy or cold machine is no failure
settings.load_profile("any_speed")


def data_folder() -> Path:
    """Folder of real recordings: $AUSCULT_DATA, by default `../shared/data` beside the checkout."""
    return Path(os.environ.get("AUSCULT_DATA", ROOT.parent / "shared" / "data"))


@pytest.fixture(scope="session")
def real_data() -> Path:
    folder = data_folder()
    if not folder.is_dir():
        pytest.skip(f"no real recordings at {folder}: set AUSCULT_DATA to a folder that has them")
    return folder


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model file; normal.parquet and unbalance.parquet lie beside it."""
    folder = tmp_path_factory.mktemp("model")
    machine = generate.make_machine(0)
    runs = [generate.machine_run(machine, fault, seconds=4) for fault in ("normal", "unbalance")]
    for run in runs:
        recordings.write(run, folder / f"{run.label}.parquet")
    trained = train.train(runs, train.Settings(window=128, hop=128, features=("std_log2", "crest")), name="small")
    return train.save(trained, folder / "small.joblib")
