# SPDX-License-Identifier: Apache-2.0
"""Shared fixtures: where the real recordings are."""

import os
from pathlib import Path

import pytest
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
