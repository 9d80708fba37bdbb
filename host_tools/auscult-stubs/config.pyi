# SPDX-License-Identifier: Apache-2.0
from typing import Any

PATH: str
SLOW_CHIPS: tuple[str, ...]
TABLE: tuple[tuple[str, str, str, tuple[Any, ...], Any], ...]

class ConfigError(ValueError): ...

def load(path: str = "/auscult.json") -> dict[str, Any]: ...
def check(given: object) -> dict[str, Any]: ...
