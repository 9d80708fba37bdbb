# SPDX-License-Identifier: Apache-2.0
# For MicroPython: decodes a file of frames and writes them again. arguments: in, out
import sys

from auscult.frames import Decoder, encode

decoder = Decoder()
with open(sys.argv[1], "rb") as source, open(sys.argv[2], "wb") as target:
    for frame in decoder.feed(source.read()):
        target.write(encode(*frame))
