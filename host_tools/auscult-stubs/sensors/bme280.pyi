# SPDX-License-Identifier: Apache-2.0
# Written by docs/generate.py.
from typing import Any

from auscult.sensors.slow import SlowSensor

class BME280(SlowSensor):
    ID_REGISTER: int
    IDS: tuple[int, ...]

def fine_temperature(adc: Any, t: Any) -> Any: ...

def pressure_q4(adc: Any, t_fine: Any, p: Any) -> Any: ...

def humidity_q10(adc: Any, t_fine: Any, h: Any) -> Any: ...
