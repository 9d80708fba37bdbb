# SPDX-License-Identifier: Apache-2.0
"""Where things live: in a checkout beside the sources, in an installed wheel inside the package."""

import os
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_CHECKOUT = _PACKAGE.parent.parent


def in_checkout() -> bool:
    """True when running from a source checkout (also an editable install)."""
    return (_CHECKOUT / "pyproject.toml").is_file() and (_CHECKOUT / "firmware").is_dir()


def assets() -> Path:
    """Folder that contains `firmware/`, `boards/` and `models/`."""
    return _CHECKOUT if in_checkout() else _PACKAGE / "_assets"


def cache() -> Path:
    """Folder for downloads and builds: $AUSCULT_CACHE, `build/` of a checkout, or ~/.cache/auscult."""
    chosen = os.environ.get("AUSCULT_CACHE")
    if chosen:
        return Path(chosen).expanduser().resolve()
    return _CHECKOUT / "build" if in_checkout() else Path.home() / ".cache" / "auscult"
