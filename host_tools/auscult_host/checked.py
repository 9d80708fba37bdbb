# SPDX-License-Identifier: Apache-2.0
"""Programs for a board whose link may damage what it carries: none of them runs unless its CRC-32 is right.

What is sent is one expression in parentheses: no part of it that a damaged link may make of it is a program.
"""

import binascii
import contextlib
import json
from collections.abc import Callable, Generator, Iterator
from typing import Any, TypeVar

from .errors import AuscultError
from .transport import BoardError, Console, LinkError, NoPromptError

_ATTEMPTS = 8
_WHOLE = 8000  # bytes of a program that is tried in one piece
_PIECE, _LEAST = 192, 24  # bytes; what did not get through is halved
_BEGUN = "\x02"
_LACKS = ("no attribute 'crc32'", "no module named 'binascii'")
_PATIENCE_S = (2.0, 2.0, 4.0, 10.0)  # a link that loses bytes is noticed soon, a busy PC gets its time

_EXEC = "exec((lambda s:__import__('binascii').crc32(s)==%d and(print(end='\\x02')or s)or b'')(%s))"
# _w(i, crc, piece) keeps a piece and says so; names that no program would choose
_PIECES = b"""from binascii import crc32 as _c
_p={}
def _w(i,n,s):
 if _c(s,i)==n:_p[i]=s;print(n)
print(0)"""
_JOINED = "b''.join(map(_p.get,sorted(_p)))"
_ANSWER = "\nprint(__import__('json').dumps(answer), __import__('binascii').crc32(__import__('json').dumps(answer)))\n"
_T = TypeVar("_T")


class DamagedError(LinkError):
    """A program did not arrive, and did not run, or its answer did not arrive."""


def ask(console: Console, code: str, timeout_s: float = 10) -> Any:
    """What a program leaves in `answer`: anything that JSON can say. It may run several times where the link damages bytes.

    BoardError if the program raises, LinkError if it can't be had from this link."""
    whole = code + _ANSWER
    return _insist(console, lambda attempt: _ask_once(console, whole, timeout_s, attempt))


def stream(console: Console, code: str, timeout_s: float | None = None) -> Iterator[str]:
    """Run a program once and yield what it prints, as Console.stream; it runs whole or not at all. What it prints is as the
    link gives it."""
    begun = _insist(console, lambda attempt: _begin(console, code, timeout_s, attempt))
    yield from begun


def _insist(console: Console, once: Callable[[int], _T]) -> _T:
    """Tries again what damage to the link hindered; the other errors are as they come."""
    usual, reason = console.patience_s, ""
    for attempt in range(_ATTEMPTS):
        console.patience_s = _PATIENCE_S[min(attempt, len(_PATIENCE_S) - 1)]
        try:
            return once(attempt)
        except DamagedError as error:
            reason = error.found
            console.close()
        finally:
            console.patience_s = usual
    raise LinkError(f"the link to {console.port} damages what it carries: {_ATTEMPTS} attempts failed ({reason})",
                    "one that carries every byte", "try another cable, port or hub, then run the same command again")


def _ask_once(console: Console, code: str, timeout_s: float, attempt: int) -> Any:
    text = ""
    pieces = _begin(console, code, timeout_s, attempt, again=True)
    try:
        for piece in pieces:
            text += piece
            if "\n" in piece and (found := _checked(text)):
                console.end_within(1.0)
                with contextlib.suppress(LinkError, BoardError):  # the answer is here, the rest is form
                    for _ in pieces:
                        pass
                return found[0]
    except LinkError as error:
        raise DamagedError(error.found, error.expected, error.hint) from error
    finally:
        pieces.close()
    raise DamagedError(f"the answer arrived damaged: {text[-60:]!r}")


def _checked(text: str) -> list[Any] | None:
    """[the answer] if the last whole line is one with its CRC."""
    line, _, crc = text.replace("\r", "").rpartition("\n")[0].rpartition("\n")[2].rpartition(" ")
    if crc.isdecimal() and binascii.crc32(line.encode()) == int(crc) & 0xFFFFFFFF:
        return [json.loads(line)]
    return None


def _begin(console: Console, code: str, timeout_s: float | None, attempt: int,
           again: bool = False) -> Generator[str, None, None]:
    """A program that has begun. again: it bears to be begun twice, so all doubts are DamagedError; else only what is sure
    not to have begun."""
    data = code.encode()
    if attempt == 0 and len(data) <= _WHOLE:
        call = _EXEC % (binascii.crc32(data), data)
    else:
        call = _send_pieces(console, data)
    output = console.stream(call, timeout_s)
    try:
        first = next(output)
    except StopIteration:
        raise DamagedError("a program arrived damaged") from None
    except BoardError as error:
        if _own(error, again):
            raise
        if any(text in error.traceback for text in _LACKS):
            raise AuscultError("the board's firmware lacks binascii.crc32", "a firmware that can check what it is sent",
                               "put MicroPython's own firmware on it: auscult flash") from error
        raise DamagedError(f"a program arrived damaged: {error.found}") from error
    except LinkError as error:
        if again and not isinstance(error, NoPromptError):
            raise DamagedError(error.found) from error
        raise
    if not first.startswith(_BEGUN):
        output.close()
        raise (DamagedError if again else LinkError)(f"a program's output arrived damaged: {first[:40]!r}",
                                                     "a link that carries every byte", "run the same command again")
    return _rest(first[1:], output, again)


def _rest(first: str, output: Generator[str, None, None], again: bool) -> Generator[str, None, None]:
    try:
        if first:
            yield first
        yield from output
    except BoardError as error:
        if _own(error, True) or not again:
            raise
        raise DamagedError(error.found) from error
    finally:
        output.close()


def _own(error: BoardError, again: bool) -> bool:
    """An exception of the program, not of the call that was to begin it; again: damage may have looked like a Ctrl-C."""
    return '"<string>"' in error.traceback and not (again and "KeyboardInterrupt" in error.traceback)


def _send_pieces(console: Console, data: bytes) -> str:
    """Hands over a program piece by piece, each as often as it takes; returns the call that runs it."""
    _say(console, lambda attempt: (_EXEC % (binascii.crc32(_PIECES), _PIECES), _BEGUN + "0"))
    at = 0
    while at < len(data):
        def piece(attempt: int, at: int = at) -> tuple[str, str]:
            piece = data[at:at + max(_LEAST, _PIECE >> attempt)]
            crc = binascii.crc32(piece, at)
            return f"_w({at},{crc},{piece!r})", str(crc)

        at += max(_LEAST, _PIECE >> _say(console, piece))
    return _EXEC % (binascii.crc32(data), _JOINED)


def _say(console: Console, call: Callable[[int], tuple[str, str]]) -> int:
    """Until the board says what it should; the number of failures before. call(attempt) -> (what to run, what it prints)"""
    for attempt in range(_ATTEMPTS):
        code, expected = call(attempt)
        try:
            if console.exec(code, 5).strip("\r\n") == expected:
                return attempt
        except BoardError as error:
            if "MemoryError" in error.found:
                raise
        except NoPromptError:
            raise
        except LinkError:
            console.close()
    raise DamagedError(f"a piece of a program did not arrive in {_ATTEMPTS} attempts")
