# SPDX-License-Identifier: Apache-2.0
"""`auscult monitor --web`: the state as a page, kept up to date by server-sent events."""

import asyncio
import base64
import contextlib
import json
import socket
import threading
import time
from collections.abc import AsyncIterator
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from ..errors import AuscultError
from . import screen
from .reading import Reader
from .state import State
from .waves import Wave

_FILES = Path(__file__).parent / "page"
_EVENTS_PER_S = 5
_VERDICTS = 100  # that an event brings at most
_SEGMENTS = 1000
_LOWEST_DB, _DB_STEP = -110.0, 0.5  # of a spectrum's bytes: -110 to 17.5 dB of 1 g
_LEVELS = {"black on green": "good", "white on red": "bad", "black on yellow": "unsure"}
# Nothing from elsewhere is loaded, and no other page may show this one.
_POLICY = "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'"


class Feed:
    """What one page has seen of a state."""

    def __init__(self, state: State, title: str) -> None:
        self._state, self._title = state, title
        self._verdicts = self._segments = self._waves = 0

    def event(self) -> dict[str, Any]:
        """What is new."""
        state = self._state
        with state.lock:
            said, style = screen.words(state)
            new = [asdict(v) for v in list(state.recent)[-_VERDICTS:] if v.number > self._verdicts]
            fresh = min(len(state.segments), state.segment_count - self._segments + 1, _SEGMENTS)
            segments = [[s.from_ms, s.to_ms, s.state, s.flaws] for s in islice(reversed(state.segments), max(0, fresh))][::-1]
            count = min(state.waves - self._waves, len(state.recent_waves))
            waves = list(islice(reversed(state.recent_waves), count))[::-1]
            last = state.recent[-1] if state.recent else None
            event = {"title": self._title, "node": state.node, "said": said, "level": _LEVELS.get(style, "wait"),
                     "since_s": state.since_s(), "t_ms": last.t_ms if last else 0, "normal": state.normal,
                     "windows_per_s": round(state.windows_per_s(), 1), "rate_hz": state.rate_hz, "counts": dict(state.counts),
                     "flaws": dict(state.flaws), "verdict_count": state.verdicts, "told": list(state.told), "over": state.over,
                     "silent_s": round(state.silent_s, 1), "silent": state.is_silent,
                     "bad": {words: getattr(state, key) for key, words in screen.BAD},
                     "verdicts": new, "segments": segments, "first_segment": state.segment_count - len(segments)}
            self._verdicts, self._segments, self._waves = state.verdicts, state.segment_count, state.waves
        event["spectra"] = [_spectrum(wave) for wave in waves if not wave.is_trend]
        if waves:
            event["wave"] = _wave(waves[-1])
        return event


def _wave(wave: Wave) -> dict[str, Any]:
    return {"axes": list(wave.axes), "rate_hz": wave.rate_hz, "unit": wave.unit, "rms": wave.rms(), "peaks": wave.peaks(),
            "number": wave.number, "values": [[float(f"{x:.4g}") for x in column] for column in wave.values.T.tolist()]}


def _spectrum(wave: Wave) -> str:
    """A byte for each axis and bin, base64."""
    db = 20 * np.log10(np.maximum(wave.spectrum().T, 1e-9))
    return base64.b64encode(np.clip(np.rint((db - _LOWEST_DB) / _DB_STEP), 0, 255).astype(np.uint8).tobytes()).decode()


def application(state: State, title: str, stopping: threading.Event, hosts: list[str]) -> Any:
    """The ASGI application. hosts: names under which it may be asked, ["*"] for any."""
    from fastapi import FastAPI
    from fastapi.middleware.trustedhost import TrustedHostMiddleware
    from fastapi.responses import FileResponse, StreamingResponse

    app = FastAPI(title="Auscult monitor", docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=hosts)

    def file(name: str, kind: str) -> Any:
        return lambda: FileResponse(_FILES / name, media_type=kind, headers={"Content-Security-Policy": _POLICY})

    async def events() -> Any:
        return StreamingResponse(_events(state, title, stopping), media_type="text/event-stream",
                                 headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})

    app.add_api_route("/", file("monitor.html", "text/html"))
    app.add_api_route("/monitor.js", file("monitor.js", "text/javascript"))
    app.add_api_route("/monitor.css", file("monitor.css", "text/css"))
    app.add_api_route("/summary.json", state.summary)
    app.add_api_route("/events", events, response_model=None)
    return app


async def _events(state: State, title: str, stopping: threading.Event) -> AsyncIterator[str]:
    feed = Feed(state, title)
    over = False
    while not over:
        over = state.over or stopping.is_set()
        yield f"data: {json.dumps(feed.event())}\n\n"
        if not over:
            await asyncio.sleep(1 / _EVENTS_PER_S)
    yield "event: over\ndata: {}\n\n"


class Page:
    """A server of its own, made before the board is touched, so that a port in use is said at once."""

    def __init__(self, host: str, port: int) -> None:
        try:
            import fastapi  # noqa: F401 - whether it is there
            import uvicorn  # noqa: F401
        except ImportError as error:
            raise AuscultError(f"--web needs {error.name}, which is not installed", "the extra `web`",
                               "pip install 'auscult[web]'") from error
        self._socket = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._socket.bind((host, port))
            self._socket.listen()
        except OSError as error:
            raise AuscultError(f"cannot serve at {host}, port {port}: {error.strerror}", "a free port of this computer",
                               "choose another with --port, or --port 0 for any") from error
        self.local = host in ("127.0.0.1", "localhost", "::1")
        shown = f"[{host}]" if ":" in host else host
        self.address = f"http://{shown}:{self._socket.getsockname()[1]}/"

    def run(self, reader: Reader, title: str, seconds: float | None, console: Console) -> None:
        """Serves until Ctrl-C or the time is over; also after the node's last line, so that it can be looked at."""
        import uvicorn

        stopping = threading.Event()
        hosts = ["127.0.0.1", "localhost", "[::1]"] if self.local else ["*"]
        app = application(reader.state, title, stopping, hosts)
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=2))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [self._socket]}, daemon=True)
        thread.start()
        console.print(f"[bold]{self.address}[/]   Ctrl-C ends", soft_wrap=True)
        if not self.local:
            console.print("[bold yellow]caution:[/] whoever reaches this computer can look, without a password", soft_wrap=True)
        end = None if seconds is None else time.monotonic() + seconds
        try:
            while thread.is_alive() and (end is None or time.monotonic() < end):
                if reader.wait(0.2):
                    time.sleep(0.2)
        finally:
            stopping.set()
            server.should_exit = True
            with contextlib.suppress(KeyboardInterrupt):
                thread.join(5)
