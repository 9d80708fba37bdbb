# SPDX-License-Identifier: Apache-2.0
"""Real sets, imported once."""

import json

import numpy as np
import pytest
from auscult_host import dataset
from auscult_host.importers import Options, import_sources, write_dataset


def import_set(real_data, tmp_path_factory, name):
    """What the importer said, the dataset it wrote, the original arrays and facts."""
    source = real_data / name
    if not (source / "data.npz").is_file():
        pytest.skip(f"{name} is not in {real_data}")
    imported = import_sources([source], Options())
    folder = tmp_path_factory.mktemp(name)
    write_dataset(imported.recordings, folder)
    with np.load(source / "data.npz") as arrays:
        return imported, dataset.load(folder), dict(arrays), json.loads((source / "facts.json").read_text())


@pytest.fixture(scope="session")
def fan(real_data, tmp_path_factory):
    return import_set(real_data, tmp_path_factory, "ceiling_fan_msa301")


@pytest.fixture(scope="session")
def pumps(real_data, tmp_path_factory):
    return import_set(real_data, tmp_path_factory, "pump_beanscape")
