# SPDX-License-Identifier: Apache-2.0
"""Tests of the device package. It is imported from where it ships from."""

import os
import sys

from auscult_host import paths

FIRMWARE = paths.assets() / "firmware"
if str(FIRMWARE) not in sys.path:
    sys.path.insert(0, str(FIRMWARE))

os.environ["BLINKA_OS_AGNOSTIC"] = "1"  # before anything imports Blinka, which then looks for no hardware: see blinka.py
