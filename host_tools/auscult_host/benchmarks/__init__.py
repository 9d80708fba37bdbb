# SPDX-License-Identifier: Apache-2.0
"""What `auscult bench` measures: own.py and sampling.py (ours), peers.py and yardstick.py (what it is compared with)."""
