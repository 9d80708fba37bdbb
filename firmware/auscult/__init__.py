# SPDX-License-Identifier: Apache-2.0
"""Auscult on the board: samples a sensor, runs the compiled pipeline, decides and reports."""

__version__ = "0.1.0"
