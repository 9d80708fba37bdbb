# SPDX-License-Identifier: Apache-2.0
"""Host side of Auscult: recordings in, compiled pipelines out, boards driven through mpremote."""

__version__ = "0.1.0"
