# SPDX-License-Identifier: Apache-2.0
"""Virtual sensor chips: real register maps and FIFOs that play back recordings.

They run on the simulated boards' buses, and on MicroPython's unix port and CPython behind `virtual.bus`.
"""
