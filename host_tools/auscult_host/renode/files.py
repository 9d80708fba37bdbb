# SPDX-License-Identifier: Apache-2.0
"""The files of a board in Renode as `auscult deploy` leaves them, for an image that it boots from."""

import json
from binascii import crc32
from typing import Any

from .. import paths
from ..payload import Payload


def common(name: str) -> bytes:
    """A file of boards/renode_common."""
    return (paths.assets() / "boards" / "renode_common" / name).read_bytes()


def deployed(made: Payload, main: bytes, *, trial: Payload | None = None, tries: int = 0,
             first: bool = False) -> dict[str, bytes]:
    """main: of main.py. trial: a second model beside it, on trial, which has been started so many times; first: `made` itself is
    on trial, as after the first deployment."""
    files = {"main.py": main, "auscult_slots.py": (paths.assets() / "firmware" / "auscult" / "slots.py").read_bytes()}
    files |= {f"app_a/{name}": data for name, data in made.app.items()}
    files |= {f"model_a/{name}": data for name, data in made.model.items()}
    record: dict[str, Any] = {"seq": 1, "app": "app_a", "model": "model_a", "trial": None, "failed": None}
    if trial is not None:
        files |= {f"model_b/{name}": data for name, data in trial.model.items()}
        record["trial"] = {"app": "app_a", "model": "model_b", "tries": tries}
    elif first:
        record |= {"app": None, "model": None, "trial": {"app": "app_a", "model": "model_a", "tries": tries}}
    text = json.dumps(record).encode()
    files["slots.1"] = b"%08x " % crc32(text) + text
    return files
