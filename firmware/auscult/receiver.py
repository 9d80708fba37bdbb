# SPDX-License-Identifier: Apache-2.0
"""The board's side of `auscult deploy`: takes files into the slots that do not run, and switches to them on trial.

Each request is a frame and has one reply, of the same sequence number and the small letter of its kind, or "e" with what
went wrong. A request that comes twice is answered twice and done once. Nothing here depends on what carries the frames.

    H  who are you                            D  SHA-256 of a file, or of a folder with all that is in it
    L  a folder's files, from a number on     O  a file will come: how much of it is there already?
    W  a piece of it at an offset             C  that was all: is its SHA-256 this?
    K  copy a file from another slot          R  remove a file or folder
    P  put main.py, auscult_slots.py in place T  does the pipeline in a slot compute the right bits?
    X  switch, on trial                       A  abandon a trial            Q  back to the prompt
"""

import gc
import json
import os
import sys
from binascii import hexlify
from hashlib import sha256

from auscult import __version__
from auscult.frames import CHUNK, Decoder, encode

PROTOCOL = 2
_IDLE_MS = 10000  # without a request for so long the board goes back to its prompt
_FLUSH = 4096  # bytes after which what has come is safe from a power cut
_SLOTS = ("app_a", "app_b", "model_a", "model_b")
_ROOT = ("main.py", "auscult_slots.py")  # they come as main_new.py, auscult_slots_new.py
_DIRECTORY = 0x4000


class Stdio:
    """The console as a carrier. Its buffers are small: a piece is asked for when the one before is written."""

    window = 1

    def __init__(self):
        from select import POLLIN, poll

        self._in, self.write = sys.stdin.buffer, sys.stdout.buffer.write
        self._one = bytearray(1)
        self._poll = poll()
        self._poll.register(sys.stdin, POLLIN)

    def readinto(self, buf, ms):
        """Bytes that came within ms, at most len(buf), at least one unless the time is over."""
        n = 0
        while n < len(buf) and self._waiting(0 if n else ms):
            if not self._in.readinto(self._one):
                break
            buf[n] = self._one[0]
            n += 1
        return n

    def _waiting(self, ms):
        for _ in self._poll.ipoll(ms):
            return True
        return False


class Receiver:
    """slots: the module. carrier: readinto(buf, ms), write(data), and window: pieces that may be under way."""

    def __init__(self, slots, carrier):
        self._slots, self._carrier, self._home = slots, carrier, slots.HOME
        self._decoder = Decoder()
        self._last, self._reply = -1, b""
        self._file = None
        self._path, self._at, self._present, self._transfer = "", 0, 0, -1

    def run(self, idle_ms=_IDLE_MS):
        """Answers requests until Q, or until none has come for idle_ms."""
        buf = memoryview(bytearray(64))
        try:
            while True:
                n = self._carrier.readinto(buf, idle_ms)
                if not n:
                    return
                for i in range(n):
                    frame = self._decoder.put(buf[i])
                    if frame is not None and not self._answer(*frame):
                        return
        finally:
            self._close()

    def _answer(self, kind, sequence, payload):
        letter = chr(kind)
        if sequence != self._last:
            if self._last >= 0 and letter != "H" and (sequence - self._last) & 255 > 128:
                return True  # an old one that was held up on its way
            try:
                answer = getattr(self, "_do_" + letter)(payload, sequence)
                self._reply = encode(kind | 32, sequence, answer or b"")
            except Exception as error:
                text = error.errno if isinstance(error, OSError) and error.args else "%s: %s" % (type(error).__name__, error)
                self._reply = encode(101, sequence, str(text).encode())
            self._last = sequence
        self._carrier.write(self._reply)
        return letter != "Q"

    # --- what there is

    def _do_H(self, payload, sequence):
        gc.collect()
        disk, it = os.statvfs(self._home), sys.implementation
        return json.dumps({
            "protocol": PROTOCOL, "auscult": __version__, "window": self._carrier.window, "home": self._home,
            "free": disk[0] * disk[3], "block": disk[0], "heap": gc.mem_free(), "record": self._slots.load(),
            "mpy": getattr(it, "_mpy", 0), "version": it.version[:3], "machine": getattr(it, "_machine", ""),
            "build": getattr(it, "_build", ""),
            "implementation": it.name}).encode()

    def _do_D(self, payload, sequence):
        return self._digest(payload.decode())

    def _digest(self, path):
        """Of a folder: over each file's name and SHA-256, in the order of names. Empty if there is none, or nothing in it."""
        try:
            if not os.stat(self._home + path)[0] & _DIRECTORY:
                return self._hash(path)[1]
        except OSError:
            return b""
        names, whole = self._walk(path), sha256()
        for name in names:
            whole.update(name.encode() + b"\n")
            whole.update(self._hash(path + "/" + name)[1])
        return whole.digest() if names else b""

    def _hash(self, path):
        """(bytes, SHA-256) of a file."""
        digest, n = sha256(), 0
        buf = memoryview(bytearray(512))
        with open(self._home + path, "rb") as file:
            while True:
                got = file.readinto(buf)
                if not got:
                    return n, digest.digest()
                digest.update(buf[:got])
                n += got

    def _walk(self, folder, below=""):
        """Names of the files in a folder, with the folders below it, sorted."""
        names = []
        for entry in os.ilistdir(self._home + folder + below):  # FAT takes no slash at the end
            name = below + "/" + entry[0]
            if entry[1] == _DIRECTORY:
                names += self._walk(folder, name)
            else:
                names.append(name[1:])
        names.sort()
        return names

    def _do_L(self, payload, sequence):
        folder, listed, size = payload[2:].decode(), [], 2
        try:
            names = self._walk(folder)
        except OSError:
            names = []
        for name in names[payload[0] | payload[1] << 8 :]:
            size += len(name) + 30
            if listed and size > CHUNK:
                break
            n, digest = self._hash(folder + "/" + name)
            listed.append([name, n, hexlify(digest[:8]).decode()])
        return json.dumps(listed).encode()

    # --- what changes

    def _check(self, path):
        """OSError (EACCES) unless a path is in a slot that does not run, or one of the two files beside the slots."""
        parts = path.split("/")
        record = self._slots.load()
        used = [record["app"], record["model"]]
        if record["trial"]:
            used += [record["trial"]["app"], record["trial"]["model"]]
        if parts[0] in _SLOTS and parts[0] not in used and not [part for part in parts if part in ("", ".", "..")]:
            return
        if path not in [name[:-3] + "_new.py" for name in _ROOT]:
            raise OSError(13)

    def _folders(self, path):
        at = path.find("/")
        while at >= 0:
            try:
                os.mkdir(self._home + path[:at])
            except OSError:
                pass
            at = path.find("/", at + 1)

    def _do_O(self, payload, sequence):
        path = payload.decode()
        self._check(path)
        self._close()
        self._folders(path)
        self._path, self._transfer, self._present, digest = path, sequence, 0, b""
        try:
            self._present, digest = self._hash(path)
        except OSError:
            pass
        self._at = self._present
        return json.dumps([self._present, hexlify(digest).decode()]).encode()

    def _do_W(self, payload, sequence):
        at = payload[1] | payload[2] << 8 | payload[3] << 16
        if payload[0] == self._transfer:
            if self._file is None and at in (0, self._present):
                self._begin(at)
            if self._file is not None and at == self._at:
                self._take(memoryview(payload)[4:])
        at = self._at
        return bytes((self._transfer & 255, at & 255, at >> 8 & 255, at >> 16 & 255))

    def _begin(self, at):
        """Goes on with the part that is there, or from the beginning."""
        self._file = open(self._home + self._path, "ab" if at else "wb")
        self._at = at

    def _take(self, data):
        self._file.write(data)
        before = self._at
        self._at += len(data)
        if before // _FLUSH != self._at // _FLUSH:
            self._file.flush()

    def _do_C(self, payload, sequence):
        if self._file is None and not self._at:
            self._begin(0)
        self._close()
        self._transfer = -1
        if self._hash(self._path)[1] != payload:  # as it is on the flash
            os.remove(self._home + self._path)
            raise ValueError("%s arrived with another SHA-256" % self._path)

    def _close(self):
        if self._file is not None:
            self._file.close()
            self._file = None

    def _do_K(self, payload, sequence):
        source, target = json.loads(payload)
        self._check(target)
        self._folders(target)
        buf = memoryview(bytearray(512))
        with open(self._home + source, "rb") as old, open(self._home + target, "wb") as new:
            while True:
                n = old.readinto(buf)
                if not n:
                    return
                new.write(buf[:n])

    def _do_R(self, payload, sequence):
        path = payload.decode()
        self._check(path)
        self._remove(self._home + path)

    def _remove(self, path):
        try:
            entries = list(os.ilistdir(path))
        except OSError:  # a file
            os.remove(path)
            return
        for entry in entries:
            self._remove(path + "/" + entry[0])
        os.rmdir(path)

    def _do_P(self, payload, sequence):
        name = payload.decode()
        if name not in _ROOT:
            raise OSError(13)
        old, new = self._home + name, self._home + name[:-3] + "_new.py"
        os.stat(new)
        try:
            os.rename(new, old)
        except OSError:  # FAT replaces nothing
            os.remove(old)
            os.rename(new, old)

    def _do_T(self, payload, sequence):
        from auscult import smoke

        gc.collect()
        return json.dumps(smoke.run(self._home + payload.decode())).encode()

    def _do_X(self, payload, sequence):
        app, model, app_digest, model_digest = json.loads(payload)
        for folder, expected in ((app, app_digest), (model, model_digest)):
            if expected and hexlify(self._digest(folder)).decode() != expected:
                raise ValueError("%s is not what was sent" % folder)
        self._slots.switch(app, model)

    def _do_A(self, payload, sequence):
        record = self._slots.load()
        if record["trial"]:
            self._slots.back(record, "another one took its place")

    def _do_Q(self, payload, sequence):
        pass


def main(slots, carrier=None, idle_ms=_IDLE_MS):
    """Serves `auscult deploy`, by default on the console, and returns."""
    Receiver(slots, carrier or Stdio()).run(idle_ms)
