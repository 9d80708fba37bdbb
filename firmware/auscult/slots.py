# SPDX-License-Identifier: Apache-2.0
"""What runs on this board: two slots for the package, two for the model, and a record of which of them count.

main.py starts with this file, which therefore needs nothing of the package; on a board it is /auscult_slots.py.

    {"seq": 7, "app": "app_a", "model": "model_b", "trial": {"app": .., "model": .., "tries": 0}, "failed": {.., "why": ".."}}

app "" is the package in the firmware; None: nothing was deployed, the node is /auscult.json with a package on the path.
The record is written to /slots.0 and /slots.1 by turns, with a checksum: one that a cut has torn does not count, the other
one does. A pair on trial is started once; unless it confirms itself as healthy, the next start goes back.
"""

import json
import os
import sys
from binascii import crc32

HOME = os.getcwd()  # "/", or "/flash" on some boards
if not HOME.endswith("/"):
    HOME += "/"
CONFIG = "auscult.json"


def load():
    """The newest whole record."""
    newest = {"seq": 0, "app": None, "model": None, "trial": None, "failed": None}
    for name in ("slots.0", "slots.1"):
        try:
            with open(HOME + name, "rb") as file:
                data = file.read(2000)
            record = json.loads(data[9:]) if int(data[:8], 16) == crc32(data[9:]) else newest
            if record["seq"] > newest["seq"]:
                newest = record
        except (OSError, ValueError, KeyError, TypeError):
            pass
    return newest


def save(record):
    """Writes the next record, over the older of the two; OSError if it does not arrive."""
    record["seq"] += 1
    text = json.dumps(record).encode()
    with open(HOME + "slots.%d" % (record["seq"] & 1), "wb") as file:
        file.write(("%08x " % crc32(text)).encode() + text)
    if hasattr(os, "sync"):
        os.sync()
    if load()["seq"] != record["seq"]:
        raise OSError("the record of the slots could not be written")


def other(slot):
    """The slot beside this one: app_b beside app_a."""
    return slot[:-1] + ("a" if slot.endswith("b") else "b")


def switch(app, model):
    """From the next start on this pair is on trial."""
    record = load()
    record["trial"] = {"app": app, "model": model, "tries": 0}
    record["failed"] = None
    save(record)


def back(record, why):
    """Ends a trial: the pair before it counts again."""
    trial, record["trial"] = record["trial"], None
    record["failed"] = {"app": trial["app"], "model": trial["model"], "why": why}
    save(record)
    print(json.dumps({"rolled_back": why}))


class Trial:
    """A pair's one chance. folder: of its model; DEADLINE_MS: in which it has to be healthy."""

    DEADLINE_MS = 60000

    def __init__(self, record):
        self._record, self.folder = record, HOME + record["trial"]["model"]

    def confirm(self):
        """It is healthy: from now on it counts."""
        record = self._record
        trial, record["trial"], record["failed"] = record["trial"], None, None
        record["app"], record["model"] = trial["app"], trial["model"]
        save(record)
        print(json.dumps({"confirmed": [record["app"], record["model"]]}))

    def fail(self, why):
        """It is not: back to the pair before, by a reset."""
        try:
            back(self._record, why)
        finally:
            reset()


def reset():
    try:
        from machine import reset as machine_reset
    except ImportError:  # a computer
        raise SystemExit
    machine_reset()


def activate(pair=None):
    """Puts a pair's package (by default the one that counts) on the path; returns the path of its configuration."""
    if pair is None:
        pair = load()
    app, model = pair["app"], pair["model"]
    if app is not None:
        sys.path.insert(0, HOME + app if app else ".frozen")
    return HOME + CONFIG if model is None else HOME + model + "/" + CONFIG


def begin():
    """(the pair to start now, its Trial or None). Counts a trial's start, and ends one that had its chance."""
    record = load()
    trial = record["trial"]
    try:
        if trial is not None and trial["tries"]:
            back(record, "it was reset before it was healthy")
        elif trial is not None:
            trial["tries"] = 1
            save(record)
            return trial, Trial(record)
    except OSError as error:  # a full or broken file system: without a record no trial
        print(json.dumps({"error": str(error)}))
    return record, None


def boot(**more):
    """What main.py does; more: for node.main()."""
    pair, trial = begin()
    try:
        path = activate(pair)
        from auscult import node

        node.main(path, trial=trial, **more)
    except Exception as error:
        text = "%s: %s" % (type(error).__name__, error)
        if trial is not None:
            trial.fail(text)
        print(json.dumps({"error": text}))


def receive(app=""):
    """Starts the receiver of a package: of the slot `app`, else of the one that counts."""
    activate({"app": app or load()["app"], "model": None})
    from auscult import receiver

    receiver.main(sys.modules[__name__])
