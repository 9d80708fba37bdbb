# SPDX-License-Identifier: Apache-2.0
"""The whole module in viper code: checks in Python around translated functions that work on addresses."""

from .module import HEAD, INFO, Translated, tables
from .viper import Memory, words
from .wide import WideViper

_BEGIN = '''\
import micropython

STATE_BYTES = {state_bytes}
OUT_WORDS = {out_words}
_TABLES = {tables!r}
_state = None
'''
# n, start: the third and fourth argument of aus_push
_END = '''
@micropython.viper
def _begin(F: ptr32, tables: ptr8, block: ptr8, out: ptr8) -> int:
 F[{tables_at}] = int(tables)
 F[{push}] = int(F)
 F[{push} + 1] = int(block)
 F[{push} + 4] = int(out)
 return (int(F) | int(tables) | int(out)) & 3 | (int(block) & 1) << 2


@micropython.viper
def _run(F: ptr32, n: int, start: int) -> int:
 F[{push} + 2] = n
 F[{push} + 3] = start
 aus_push(_state)
 return F[{push} + 5]


@micropython.viper
def _one(F: ptr32, slot: int, value: int) -> int:
 F[slot] = int(F)
 F[slot + 1] = value
 return 0


@micropython.viper
def _result(F: ptr32, slot: int) -> int:
 return F[slot]


def _use(state):
 global _state
 if len(state) < STATE_BYTES:
  raise ValueError("state: STATE_BYTES")
 _state = state
 _one(state, {foreign}, 0)
 portable_foreign(state)
 if _result(state, {foreign} + 1):
  raise ValueError("state: not this pipeline's")


def push(state, block, start, out):
 n = len(block)
 if n:
  n *= len(bytes(memoryview(block)[:1]))
 if len(out) < OUT_WORDS:
  raise ValueError("out: OUT_WORDS of 'i'")
 if n % {frame}:
  raise ValueError("block: whole samples, int16")
 n //= {frame}
 if start < 0 or start > n:
  raise ValueError("start")
 _use(state)
 if _begin(state, _TABLES, block, out):
  raise ValueError("state, out: whole words; block: int16")
 return _run(state, n, start)


def mark(state):
 _use(state)
 _one(state, {mark}, 0)
 aus_mark(state)


if _begin(bytearray(STATE_BYTES), _TABLES, b"", bytearray(4)) & 3:
 _TABLES = bytearray(_TABLES)
'''
_SHAFT = '''

def set_shaft(state, millihertz):
 _use(state)
 _one(state, {shaft}, millihertz)
 aus_set_shaft(state)
'''


def viper(t: Translated) -> str:
    """A module for MicroPython with the viper emitter. Behind the state stand in the same buffer what functions keep in memory,
    their arguments and results."""
    room, room_bytes = t.unit.room()
    at = (t.state + room_bytes) // 4
    slots = {}
    for name, function in t.unit.translated.items():
        slots[name] = at
        at += sum(words(p.type) for p in function.parameters) + words(function.result)
    starts, data = tables(t.unit)
    rooms = {key: (t.state + place) // 4 for key, place in room.items()}
    code = WideViper(Memory(rooms, slots, at, starts, len(data)))
    for function in t.unit.translated.values():
        code.function(function)
        code.lines += ["", ""]
    data += b"".join((value & 0xffffffff).to_bytes(4, "little") for value in code.memory.pool)
    values = {"name": t.spec.name, "how": "in viper code", "info": t.info, "state_bytes": 4 * (at + 1),
              "out_words": t.out_words, "tables": data, "tables_at": at, "push": slots["aus_push"],
              "foreign": slots["portable_foreign"], "mark": slots["aus_mark"], "shaft": slots["aus_set_shaft"],
              "frame": 2 * len(t.spec.axes)}
    return (HEAD + _BEGIN + INFO).format(**values) + "\n".join(code.lines) + _END.format(**values) + (
        _SHAFT.format(**values) if t.orders else "")
