# SPDX-License-Identifier: Apache-2.0
"""The page of `auscult monitor --web`: its events, and what Chromium shows of them. Text of the node is never markup."""

import asyncio
import base64
import json
import shutil
import sys
import threading
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from auscult_host.commands.monitor import monitor
from auscult_host.errors import AuscultError
from auscult_host.monitoring.reading import Reader
from auscult_host.monitoring.state import State
from auscult_host.monitoring.web import Page, application
from rich.console import Console

httpx = pytest.importorskip("httpx", reason="httpx is not installed: pip install 'auscult[dev]'")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
NODE = {"node": "<b>pump</b> 3", "sensor": "ADXL345", "axes": ["x", "y", "z"],
        "classes": ["normal", "<img src=x onerror=alert(1)>"], "normal": "normal",
        "rate_hz": 1600.0, "full_scale": 156.9064, "window": 512, "hop": 256, "pipeline": "pump"}
LINE_HZ = 200.0


def wave(number: int, samples: int = 512) -> str:
    """A sine of 1 g at 200 Hz on x; quiet y and z."""
    t = np.arange(samples) / 1600
    words = np.zeros((samples, 3), "<i2")
    words[:, 0] = np.round(9.80665 * np.sin(2 * np.pi * LINE_HZ * t) * 32768 / 156.9064)
    data = words.tobytes()
    crc = zlib.crc32(b"%d,0,%d," % (number, samples) + data)
    return json.dumps({"wave": base64.b64encode(data).decode(), "n": number, "at": 0, "of": samples, "crc": crc, "mhz": 1600200,
                       "overruns": 2})


def story() -> Iterator[str]:
    """Normal, a gap that can't be judged, then worn; a class with a nasty name."""
    yield json.dumps(NODE)
    for i in range(40):
        line: dict[str, Any] = {"t": 160 * i, "w": i, "v": "normal", "p": 0.97, "s": "normal"}
        if 10 <= i < 13:
            line = {"t": 160 * i, "w": i, "v": None, "q": "missing", "s": "normal"}
        if i >= 25:
            line |= {"v": NODE["classes"][1], "p": 0.81, "s": NODE["classes"][1]}
        yield json.dumps(line)
        if i % 4 == 0:
            yield wave(i // 4)
    yield '{"t":1234,"w":4'
    yield json.dumps({"warn": "full scale of the sensor is <i>241</i> m/s2"})


def told() -> State:
    state = State()
    for line in story():
        state.add(line)
    state.over = True
    return state


def events(text: str) -> list[dict]:
    return [json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: {\"")]


def ask(app: Any, path: str, host: str = "127.0.0.1") -> Any:
    async def go() -> Any:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=f"http://{host}") as client:
            return await client.get(path)

    return asyncio.run(go())


def test_the_events_bring_everything_to_a_page_that_is_opened_late() -> None:
    answer = ask(application(told(), "sim_m4", threading.Event(), ["*"]), "/events")
    assert answer.headers["content-type"].startswith("text/event-stream") and answer.text.endswith("event: over\ndata: {}\n\n")
    event = events(answer.text)[0]
    assert event["verdict_count"] == 40 == len(event["verdicts"]) and event["node"]["node"] == "<b>pump</b> 3"
    assert [segment[2:] for segment in event["segments"]] == [["normal", ""], ["normal", "missing"], ["normal", ""],
                                                              [NODE["classes"][1], ""]]
    assert event["flaws"] == {"missing": 3} and event["bad"]["lines damaged"] == 1 and event["bad"]["overruns of the chip"] == 2
    assert event["level"] == "bad" and event["rate_hz"] == 1600.2 and event["over"]
    assert event["wave"]["number"] == 9 and max(event["wave"]["values"][0]) == pytest.approx(1.0, abs=0.01)
    assert len(event["spectra"]) == 10
    spectrum = np.frombuffer(base64.b64decode(event["spectra"][-1]), np.uint8).reshape(3, -1)
    assert spectrum.shape == (3, 257) and spectrum[0].argmax() * 1600 / 512 == LINE_HZ
    assert -110 + 0.5 * int(spectrum[0].max()) == pytest.approx(0.0, abs=0.3)  # dB of 1 g


def test_only_what_is_new_comes_next() -> None:
    from auscult_host.monitoring.web import Feed

    state, lines = State(), story()
    feed = Feed(state, "sim_m4")
    numbers, waves = [], []
    for _ in range(9):
        for _ in range(7):
            if line := next(lines, None):
                state.add(line)
        event = feed.event()
        numbers += [verdict["number"] for verdict in event["verdicts"]]
        waves += event["spectra"]
    assert numbers == list(range(1, 41)) and len(waves) == 10
    assert not feed.event()["verdicts"] and "wave" not in feed.event()


def test_another_sites_page_cannot_ask_and_nothing_foreign_is_loaded() -> None:
    app = application(told(), "sim_m4", threading.Event(), ["127.0.0.1", "localhost"])
    assert ask(app, "/summary.json").json()["verdicts"] == 40
    assert ask(app, "/summary.json", "evil.example").status_code == 400
    page = ask(app, "/")
    assert page.status_code == 200 and "default-src 'self'" in page.headers["content-security-policy"]
    for path in ("/", "/monitor.js", "/monitor.css"):
        text = ask(app, path).text
        assert "://" not in text and "innerHTML" not in text, path


def test_a_port_in_use_is_said_before_the_board_is_touched() -> None:
    first = Page("127.0.0.1", 0)
    with pytest.raises(AuscultError, match="cannot serve at") as raised:
        Page("127.0.0.1", int(first.address.rstrip("/").rpartition(":")[2]))
    assert "--port" in raised.value.hint


def test_without_the_extra_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    with pytest.raises(AuscultError, match="--web needs uvicorn") as raised:
        monitor(device="sim_m4", web=True)
    assert "auscult[web]" in raised.value.hint


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """A real server, whose node goes on."""
    more, state, page = threading.Event(), State(), Page("127.0.0.1", 0)

    def lines() -> Iterator[str]:
        yield from story()
        more.wait(120)

    with Reader(lines(), state, more.set) as reader:
        thread = threading.Thread(target=page.run, args=(reader, "sim_m4", 120, Console(quiet=True)), daemon=True)
        thread.start()
        yield page.address
        more.set()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install 'auscult[dev]'")
    if CHROMIUM is None:
        pytest.skip("no Chromium: apt-get install chromium")
    with playwright.sync_playwright() as running:
        made = running.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield made
        made.close()


def painted(page: Any, name: str) -> int:
    """How many colours a canvas has."""
    return int(page.evaluate("""(id) => {
        const box = document.getElementById(id);
        const data = new Uint32Array(box.getContext("2d").getImageData(0, 0, box.width, box.height).data.buffer);
        return new Set(data).size;
    }""", name))


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (1280, "dark"), (360, "light")])
def test_what_the_page_shows(browser: Any, address: str, width: int, scheme: str) -> None:
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page, wrong, asked = context.new_page(), [], []
    page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("dialog", lambda dialog: wrong.append("a dialog: " + dialog.message))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(address)
    page.locator("#verdicts tbody tr").nth(5).wait_for()  # not wait_for_function: the page's policy forbids its eval
    page.locator("#axes button").nth(2).wait_for()
    assert page.inner_text("#said").lower() == str(NODE["classes"][1]).lower() and page.locator("#now.bad").count() == 1
    assert page.inner_text("#name") == "<b>pump</b> 3" and page.inner_text("#link") == "live"
    assert "0.81" in page.inner_text("#verdicts tbody tr:first-child") and "22" in page.inner_text("#counts")
    health = page.inner_text("#health").replace("\n", " ")
    assert "lines damaged 1" in health and "overruns of the chip 2" in health and "1600.20 Hz" in health
    assert "241" in page.inner_text("#told") and "x peak 200 Hz" in page.inner_text("#spectrum_about")
    for name, least in (("timeline", 3), ("waveform", 4), ("spectrum", 4), ("spectrogram", 3)):
        assert painted(page, name) >= least, name
    before = painted(page, "spectrogram")
    page.click("#axes button:nth-child(2)")  # y is silent
    page.locator("#axes button:nth-child(2)[aria-pressed=true]").wait_for()
    assert painted(page, "spectrogram") != before
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), "it scrolls sideways"
    assert page.locator("img, i > b").count() == 0 and not wrong
    assert {url.split("/")[2] for url in asked if url.startswith("http")} == {address.split("/")[2]}
    context.close()


def test_a_lost_connection_is_shown(browser: Any) -> None:
    more, state, served = threading.Event(), State(), Page("127.0.0.1", 0)

    def lines() -> Iterator[str]:
        yield from story()
        more.wait(60)

    context = browser.new_context()
    page = context.new_page()
    with Reader(lines(), state, more.set) as reader:
        thread = threading.Thread(target=served.run, args=(reader, "sim_m4", 60, Console(quiet=True)), daemon=True)
        thread.start()
        page.goto(served.address)
        page.locator("#link:text-is('live')").wait_for()
        page.route("**/events", lambda route: route.abort())
        page.reload()
        page.locator("#link.off").wait_for()
        assert "no connection" in page.inner_text("#link")
        more.set()
    context.close()
