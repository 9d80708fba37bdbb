# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: UP031
# For MicroPython, whose json module is more lenient than CPython's: a configuration cut anywhere is refused.
# argument: a scratch file
import json
import sys

from auscult import config

whole = json.dumps({"name": 'pump "3\\', "sensor": {"chip": "lis3dh", "rate_hz": 400}, "decision": {"k": 2}})
for n in range(len(whole) + 1):
    with open(sys.argv[1], "w") as file:
        file.write(whole[:n])
    try:
        config.load(sys.argv[1])
    except config.ConfigError as error:
        assert n < len(whole) and "is not JSON, it may be cut short (%d characters)" % n in str(error), error
    else:
        assert n == len(whole), whole[:n]
with open(sys.argv[1], "wb") as file:
    file.write(b"\xff\xfe\x00\x80")
try:
    config.load(sys.argv[1])
except config.ConfigError as error:
    assert "is not text" in str(error), error
print("ok")
