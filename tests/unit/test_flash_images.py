# SPDX-License-Identifier: Apache-2.0
"""Images for boards: whole ones of the right chip are taken, all others refused before anything could be written; fetching."""

import hashlib
import http.server
import shutil
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from auscult_host import boards
from auscult_host.errors import AuscultError
from auscult_host.flashing import METHODS, images, intelhex, plan
from firmware_images import dfuse, esp_part, hexfile, image, program, uf2
from hypothesis import given, settings
from hypothesis import strategies as st

QUIET = lambda text: None  # noqa: E731
SUFFIX = {"esptool": ".bin", "dfu": ".dfu", "stlink": ".hex", "uf2": ".uf2", "bossac": ".bin"}
CASES = [("RPI_PICO", "uf2"), ("SEEED_XIAO_NRF52", "uf2"), ("ESP32_GENERIC", "esptool"), ("ESP32_GENERIC_C3", "esptool"),
         ("ESP32_GENERIC_C6", "esptool"), ("ESP32_GENERIC_S3", "esptool"), ("PYBV11", "dfu"), ("NUCLEO_F446RE", "stlink"),
         ("ARDUINO_NANO_33_BLE_SENSE", "bossac")]


def check(name: str, method: str, file: Path) -> str:
    board = boards.load_real(name)
    return plan(board, next(way for way in board.flash if way.method == method), file, QUIET).says


@pytest.mark.parametrize(("name", "method"), CASES)
def test_the_right_image_is_taken(name: str, method: str, tmp_path: Path) -> None:
    file = tmp_path / f"image{SUFFIX[method]}"
    file.write_bytes(image(name, method))
    assert check(name, method, file).startswith(f"MicroPython v1.25.0 on 2025-04-15, {name} with ")


@pytest.mark.parametrize(("name", "method", "other"), [
    ("RPI_PICO", "uf2", "SEEED_XIAO_NRF52"), ("ESP32_GENERIC", "esptool", "ESP32_GENERIC_C3"),
    ("ESP32_GENERIC_C6", "esptool", "ESP32_GENERIC_C3"), ("PYBV11", "dfu", "STM32F4DISC"),
    ("NUCLEO_F446RE", "stlink", "NUCLEO_F411RE")])
def test_another_chips_image_is_refused(name: str, method: str, other: str, tmp_path: Path) -> None:
    file = tmp_path / f"image{SUFFIX[method]}"
    file.write_bytes(image(other, method))
    with pytest.raises(AuscultError, match=f"(is for|no boot loader|has no program).*{name}"):
        check(name, method, file)


def test_a_uf2_that_says_nothing_is_judged_by_its_family(tmp_path: Path) -> None:
    file = tmp_path / "image.uf2"
    file.write_bytes(uf2(bytes(600), 0xE48BFF56))
    assert check("RPI_PICO", "uf2", file) == ""
    with pytest.raises(AuscultError, match=r"for the family 0xe48bff56; expected 0xada52840"):
        check("SEEED_XIAO_NRF52", "uf2", file)


@pytest.mark.parametrize(("name", "method"), [case for case in CASES if case[1] != "bossac"])
@settings(max_examples=60)
@given(data=st.data())
def test_no_truncated_image_is_taken(name: str, method: str, tmp_path_factory: pytest.TempPathFactory,
                                     data: st.DataObject) -> None:
    whole = image(name, method)
    stripped = whole.rstrip() if method == "stlink" else whole
    file = tmp_path_factory.mktemp("cut") / f"image{SUFFIX[method]}"
    file.write_bytes(whole[:data.draw(st.integers(0, len(stripped) - 1))])
    with pytest.raises(AuscultError):
        check(name, method, file)


def covered(name: str, method: str, whole: bytes) -> list[range]:
    """Bytes that a checksum (or the structure) covers. UF2 has none over its payload; ESP32's padding counts nothing."""
    if method == "uf2":
        return [range(at, at + part) for at in range(0, len(whole), 512) for part in (8,)]
    if method == "esptool":
        way = boards.load_real(name).flash[0]
        boot, rest = len(esp_part(0, b"boot loader")), 0x10000 - way.offset  # type: ignore[union-attr]
        return [range(0, boot), range(rest, len(whole))]
    return [range(len(whole.rstrip()))] if method == "stlink" else [range(len(whole))]


@pytest.mark.parametrize(("name", "method"), [case for case in CASES if case[1] != "bossac"])
@settings(max_examples=60)
@given(data=st.data())
def test_no_damaged_image_is_taken(name: str, method: str, tmp_path_factory: pytest.TempPathFactory,
                                     data: st.DataObject) -> None:
    whole = bytearray(image(name, method))
    place = data.draw(st.sampled_from(covered(name, method, whole)).flatmap(st.sampled_from))
    before = bytes(whole)
    whole[place] ^= data.draw(st.integers(1, 255))
    file = tmp_path_factory.mktemp("bad") / f"image{SUFFIX[method]}"
    file.write_bytes(whole)
    spaces = b" \r\n\t\v\f"
    if method == "stlink" and (before.upper() == whole.upper() or (whole[place] in spaces and before[place] in spaces)):
        return  # the same text to whoever reads it
    with pytest.raises(AuscultError):
        check(name, method, file)


@settings(max_examples=100)
@given(st.binary(max_size=2000))
def test_anything_else_is_refused_with_one_clear_error(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    folder = tmp_path_factory.mktemp("any")
    for name, method in CASES:
        file = folder / f"image{SUFFIX[method]}"
        file.write_bytes(content)
        with pytest.raises(AuscultError):
            check(name, method, file)


def test_a_program_beside_the_chips_flash_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "image.dfu"
    beyond = 0x0800_0000 + 1024 * boards.load_real("PYBV11").memory.flash_kib
    for parts in ([(0x0800_0000, program(b"")), (beyond - 4, bytes(8))], [(0x0801_0000, program(b""))],
                  [(0x0800_0000, bytes(256))], []):
        file.write_bytes(dfuse(*parts))
        with pytest.raises(AuscultError, match=r"writes to|vector table"):
            check("PYBV11", "dfu", file)
    file.write_bytes(dfuse((0x0800_0000, program(b"")), pid=0x5740))
    with pytest.raises(AuscultError, match="0483:5740"):
        check("PYBV11", "dfu", file)


def test_wrong_kind_of_file_and_none(tmp_path: Path) -> None:
    (tmp_path / "image.uf2").write_bytes(image("RPI_PICO", "uf2"))
    with pytest.raises(AuscultError, match=r"is a .uf2 file.*NUCLEO_F446RE-20250415-v1.25.0.hex"):
        check("NUCLEO_F446RE", "stlink", tmp_path / "image.uf2")
    with pytest.raises(AuscultError, match="there is no file"):
        check("RPI_PICO", "uf2", tmp_path / "none.uf2")


def test_hex_files_with_gaps_and_segments(tmp_path: Path) -> None:
    file = tmp_path / "a.hex"
    file.write_bytes(hexfile((0x0800_0000, bytes(range(40))), (0x0801_FFF0, b"0123456789ABCDEFghi")))
    assert intelhex.parts(file) == [(0x0800_0000, bytes(range(40))), (0x0801_FFF0, b"0123456789ABCDEFghi")]
    file.write_bytes(b":020000021000EC\n:0100200001DE\n:00000001FF\n")  # segments of the 8086
    assert intelhex.parts(file) == [(0x10020, b"\x01")]
    file.write_bytes(file.read_bytes() + b":0100200001DE\n")
    with pytest.raises(AuscultError, match="after the end"):
        intelhex.parts(file)


def test_other_peoples_programs_read_these_images_the_same_way(tmp_path: Path) -> None:
    """So that what the tests call right is."""
    (tmp_path / "image.hex").write_bytes(image("NUCLEO_F446RE", "stlink"))
    (tmp_path / "image.dfu").write_bytes(image("PYBV11", "dfu"))
    (tmp_path / "part.bin").write_bytes(esp_part(5, b"some text"))
    other = pytest.importorskip("intelhex").IntelHex(str(tmp_path / "image.hex"))
    assert [(begin, bytes(other.tobinarray(begin, end - 1))) for begin, end in other.segments()] == \
        intelhex.parts(tmp_path / "image.hex")
    if shutil.which("dfu-suffix"):
        assert subprocess.run(["dfu-suffix", "-c", str(tmp_path / "image.dfu")], check=False).returncode == 0
    said = subprocess.run([sys.executable, "-m", "esptool", "--chip", "esp32c3", "image-info", str(tmp_path / "part.bin")],
                          capture_output=True, text=True, check=False).stdout
    assert "(valid)" in said and "(invalid)" not in said, said


def test_every_real_board_has_a_method_and_an_image_name() -> None:
    for name in boards.real():
        board = boards.load_real(name)
        for way in board.flash:
            assert way.method in METHODS
            assert images.name(board, way).endswith(METHODS[way.method].SUFFIXES)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator["Site"]:
    monkeypatch.setenv("AUSCULT_CACHE", str(tmp_path / "cache"))
    server = Site(("127.0.0.1", 0), Handler)
    monkeypatch.setenv("AUSCULT_IMAGES", f"http://127.0.0.1:{server.server_port}/firmware/")
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


class Site(http.server.ThreadingHTTPServer):
    content = b""
    stops_after: int | None = None
    ranges = True
    asked: list[str]


class Handler(http.server.BaseHTTPRequestHandler):
    server: Site

    def do_GET(self) -> None:
        site = self.server
        site.asked = [*getattr(site, "asked", []), f"{self.path} {self.headers.get('Range', '')}".strip()]
        if "RPI_PICO-" not in self.path:
            self.send_error(404)
            return
        begin = int(self.headers.get("Range", "bytes=0-")[6:-1]) if site.ranges else 0
        self.send_response(206 if begin else 200)
        self.send_header("Content-Length", str(len(site.content) - begin))
        self.end_headers()
        self.wfile.write(site.content[begin:begin + site.stops_after] if site.stops_after else site.content[begin:])

    def log_message(self, *_: object) -> None:
        pass


NAME = "RPI_PICO-20250415-v1.25.0.uf2"


def fetched() -> images.Image:
    return images.fetch(NAME, QUIET)


def test_an_image_is_fetched_once_and_its_checksum_kept(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.content = image("RPI_PICO", "uf2")
    first = fetched()
    assert first.path.read_bytes() == site.content and first.trust == "first"
    assert first.sha256 == hashlib.sha256(site.content).hexdigest()
    again = fetched()
    assert again == first._replace(trust="before") and site.asked == [f"/firmware/{NAME}"]
    first.path.unlink()
    assert fetched().trust == "before"
    first.path.unlink()
    site.content = image("RPI_PICO", "uf2") + bytes(512)
    with pytest.raises(AuscultError, match=r"has SHA-256 .* as before"):
        fetched()
    assert sorted(file.name for file in images.folder().glob("[!.]*")) == [f"{NAME}.sha256"]
    monkeypatch.setattr(images, "pinned", lambda: ("1.25.0", "20250415", {NAME: first.sha256}))
    with pytest.raises(AuscultError, match=r"has SHA-256 .* as pinned"):
        fetched()
    site.content = image("RPI_PICO", "uf2")
    assert fetched().trust == "pinned"


@pytest.mark.parametrize("ranges", [True, False])
def test_a_cut_download_goes_on_where_it_stopped(site: Site, ranges: bool) -> None:
    site.content, site.ranges, site.stops_after = image("RPI_PICO", "uf2") * 40, ranges, 20_000
    with pytest.raises(AuscultError, match=r"ended after 20000 of .* bytes"):
        fetched()
    assert not (images.folder() / NAME).exists()
    site.stops_after = None
    assert fetched().path.read_bytes() == site.content
    assert site.asked[1] == f"/firmware/{NAME} bytes=20000-"
    assert not list(images.folder().glob("*.part"))


def test_no_such_image_and_no_server(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AuscultError, match=r"404.*--file IMAGE"):
        images.fetch("NO_BOARD-20250415-v1.25.0.uf2", QUIET)
    monkeypatch.setenv("AUSCULT_IMAGES", "http://127.0.0.1:9")
    with pytest.raises(AuscultError, match=r"cannot be fetched.*--file IMAGE"):
        fetched()


def test_a_fetched_image_that_is_damaged_is_not_kept(site: Site) -> None:
    site.content = b"<html>Too many requests</html>"
    board = boards.load_real("RPI_PICO")
    with pytest.raises(AuscultError, match="blocks of 512 bytes"):
        plan(board, board.flash[0], None, QUIET)
    site.content = image("RPI_PICO", "uf2")
    assert plan(board, board.flash[0], None, QUIET).trust == "first"


def test_the_maintainers_table(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    site.content = image("RPI_PICO", "uf2")
    images.main()
    lines = capsys.readouterr().out.splitlines()
    assert f'"{NAME}" = "{hashlib.sha256(site.content).hexdigest()}"' in lines
    assert any(line.startswith("# NUCLEO_F446RE-20250415-v1.25.0.hex: ") and "404" in line for line in lines)
    assert set(tomllib.loads("[sha256]\n" + "\n".join(lines))["sha256"]) == {NAME}
