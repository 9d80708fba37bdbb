# SPDX-License-Identifier: Apache-2.0
"""The whole module in viper code: checks in Python around translated functions that work on addresses."""

from . import outline
from .addresses import Memory, words
from .plainmodule import HEAD, INFO, PUSH
from .translate import Translated
from .viper import Viper

_BEGIN = '''\
import micropython

{facts}
_TABLES = {tables!r}
_state = None


'''
# The arguments of an entry stand in its words: of aus_push state, block, n, start, out; of aus_classify x, out
_PLACES = '''
@micropython.viper
def _begin(F: ptr32, tables: ptr8, block: ptr8, out: ptr8) -> int:
 F[{tables_at}] = int(tables)
 F[{block}] = int(block)
 F[{out}] = int(out)
 return (int(F) | int(tables) | int(out)) & 3 | (int(block) & 1) << 2


@micropython.viper
def _result(F: ptr32, slot: int) -> int:
 return F[slot]

'''
_USE = '''
@micropython.viper
def _run(F: ptr32, n: int, start: int) -> int:
 F[{push}] = int(F)
 F[{push} + 2] = n
 F[{push} + 3] = start
 aus_push(_state)
 return F[{push} + 5]


@micropython.viper
def _set(F: ptr32, slot: int, value: int):
 F[slot] = int(F)
 F[slot + 1] = value


def _use(state):
 global _state
 if len(state) < STATE_BYTES:
  raise ValueError("state: STATE_BYTES")
 _state = state
 _set(state, {foreign}, 0)
 portable_foreign(state)
 if _result(state, {foreign} + 1):
  raise ValueError("state: not this pipeline's")
'''
_WHOLE = ''' if _begin(state, _TABLES, block, out):
  raise ValueError("state, out: whole words; block: int16")
 return _run(state, n, start)


def mark(state):
 _use(state)
 _set(state, {mark}, 0)
 aus_mark(state)
'''
_SHAFT = '''

def set_shaft(state, millihertz):
 _use(state)
 _set(state, {shaft}, millihertz)
 aus_set_shaft(state)
'''
_PREDICT = '''
def predict(x, out=None):
 global _state
 if len(x) != FEATURES or out is not None and len(out) < OUT_WORDS:
  raise ValueError("x: FEATURES 'h', out: OUT_WORDS 'i'")
 _state = _memory
 if _begin(_memory, _TABLES, x, _spare if out is None else out):
  raise ValueError("x, out: whole words")
 aus_classify(_memory)
 return _result(_memory, {block} + 2)


_memory, _spare = bytearray({bytes}), bytearray(4 * OUT_WORDS)
'''
# In a firmware's flash bytes stand anywhere
_END = '''

if _begin(bytearray({bytes}), _TABLES, b"", bytearray(4)) & 3:
 _TABLES = bytearray(_TABLES)
'''


def viper(t: Translated, short: bool = False) -> str:
    """A module for MicroPython with the viper emitter. Behind the state stand in the same buffer what functions keep in memory,
    their arguments and results. short: in functions that a branch of armv6m reaches over."""
    room, room_bytes = t.unit.room()
    starts, data = t.tables()
    rooms = {key: (t.state + place) // 4 for key, place in room.items()}
    functions = outline.shortened(t.unit.translated) if short else t.unit.translated
    at = (t.state + room_bytes) // 4
    slots = {}
    for name, function in functions.items():
        slots[name] = at
        at += sum(words(v.type) for v in [*function.parameters, *function.outs]) + words(function.result)
    memory = Memory(rooms, slots, at, starts, len(data))
    code = Viper(memory, functions)
    for function in functions.values():
        code.function(function)
        code.lines += ["", ""]
    data += b"".join((value & 0xffffffff).to_bytes(4, "little") for value in memory.pool)
    first = slots["aus_push"] + 1 if t.info else slots["aus_classify"]
    facts = f"STATE_BYTES = {4 * (at + 1)}" if t.info else f"FEATURES = {t.inputs}"
    values = {"name": t.name, "what": "pipeline" if t.info else "model", "how": "in viper code", "info": t.info,
              "facts": f"{facts}\nOUT_WORDS = {t.out_words}", "tables": data, "tables_at": at, "bytes": 4 * (at + 1),
              "block": first, "out": first + (3 if t.info else 1), "push": first - 1, "frame": 2 * t.inputs,
              "foreign": slots.get("portable_foreign"), "mark": slots.get("aus_mark"), "shaft": slots.get("aus_set_shaft")}
    after = _USE + PUSH + _WHOLE + (_SHAFT if t.orders else "") + INFO if t.info else _PREDICT
    return (HEAD + _BEGIN).format(**values) + "\n".join(code.lines[:-1]) + (_PLACES + after + _END).format(**values)
