# SPDX-License-Identifier: Apache-2.0
# Written by docs/generate.py.
from auscult.sensors.slow import SlowSensor

class MCP9808(SlowSensor): ...
