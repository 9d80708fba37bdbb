# SPDX-License-Identifier: Apache-2.0
"""`auscult run`, `shell` and `files` on a simulated board, whose console stands for a real one's."""

import contextlib
import hashlib
import json
import os
import random
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from auscult_host import boardfiles, devices
from auscult_host.errors import AuscultError
from auscult_host.simulator import SimBoard

ENV = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
COUNTING = "import time\nn = 0\nwhile True:\n    print('count', n)\n    n += 1\n    time.sleep_ms(20)\n"
ACTIVE = {"seq": 3, "app": "app_a", "model": "model_b", "trial": None, "failed": None}


@pytest.fixture(scope="module")
def booted() -> Iterator[SimBoard]:
    with SimBoard("sim_m4") as board:
        yield board


@pytest.fixture
def board(booted: SimBoard) -> Iterator[SimBoard]:
    """Without files, at its prompt."""
    booted.exec("import os\ndef clear(path):\n for e in os.ilistdir(path):\n  p = path + '/' + e[0]\n"
                "  clear(p) or os.rmdir(p) if e[1] == 0x4000 else os.remove(p)\nclear('')")
    booted.soft_reset()
    booted._console.release()
    booted._console.close()
    yield booted


def cli(*arguments: object, timeout_s: float = 60) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "auscult_host.cli", *map(str, arguments)], capture_output=True, text=True,
                          env=ENV, timeout=timeout_s, stdin=subprocess.DEVNULL, check=False)


def answer(*arguments: object) -> Any:
    done = cli(*arguments, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def script(folder: Path, text: str) -> Path:
    (folder / "script.py").write_text(text)
    return folder / "script.py"


def test_a_script_runs_live_and_is_not_stored(board: SimBoard, tmp_path: Path) -> None:
    code = "import os, time\nprint('Grüße', 6 * 7)\nprint('names', os.listdir())\ntime.sleep_ms(300)\nprint('late')\n"
    run = subprocess.Popen([sys.executable, "-m", "auscult_host.cli", "run", str(script(tmp_path, code)), "-d", board.port],
                           stdout=subprocess.PIPE, text=True, env=ENV)
    assert run.stdout is not None and run.stdout.readline() == "Grüße 42\n"
    assert run.stdout.read() == "names []\nlate\n" and run.wait(30) == 0


def test_a_failing_script_gives_its_own_lines_and_exit_code_1(board: SimBoard, tmp_path: Path) -> None:
    path = script(tmp_path, "def f():\n    return 1 / 0\nprint('before')\nf()\n")
    done = cli("run", path, "-d", board.port)
    assert done.returncode == 1 and done.stdout == "before\n"
    assert done.stderr.rstrip().endswith("ZeroDivisionError: divide by zero")
    assert "line 4" in done.stderr and "line 2" in done.stderr
    done = cli("run", path, "-d", board.port, "--json")
    said = json.loads(done.stdout)
    assert done.returncode == 1 and said["output"] == "before\n" and said["ended"] == "traceback"
    done = cli("run", script(tmp_path, "def f(:\n"), "-d", board.port)
    assert done.returncode == 1 and "is no Python" in done.stderr and "line 1" in done.stderr


def test_ctrl_c_stops_the_script_on_the_board_and_its_last_words_come(board: SimBoard, tmp_path: Path) -> None:
    path = script(tmp_path, "import time\nprint('begun')\ntry:\n    while True:\n        time.sleep_ms(10)\n"
                            "finally:\n    print('tidied up')\n")
    run = subprocess.Popen([sys.executable, "-m", "auscult_host.cli", "run", str(path), "-d", board.port], stdout=subprocess.PIPE,
                           text=True, env=ENV, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler))
    assert run.stdout is not None and run.stdout.readline() == "begun\n"
    run.send_signal(signal.SIGINT)
    assert run.stdout.read() == "tidied up\n" and run.wait(30) == 130
    assert board.exec("print('alive')") == "alive\n"


def first_lines(board: SimBoard, count: int = 3) -> list[str]:
    """What the board prints by itself."""
    found = []
    for line in board.lines(10):
        found.append(line)
        if len(found) == count:
            break
    return found


def test_what_was_running_runs_again_afterwards(board: SimBoard, tmp_path: Path) -> None:
    board.put_bytes(COUNTING.encode(), "main.py")
    board.hard_reset()
    assert first_lines(board)[-1].startswith("count")
    board._console.close()
    done = cli("run", script(tmp_path, "print('n' in globals())"), "-d", board.port)  # with a fresh interpreter
    assert done.stdout == "False\n"
    assert [line for line in first_lines(board, 8) if line.startswith("count")], "main.py was left stopped"
    board._console.close()
    assert [e["path"] for e in answer("files", "-d", board.port)["entries"]] == ["main.py"]
    assert [line for line in first_lines(board, 8) if line.startswith("count")], "main.py was left stopped"


@contextlib.contextmanager
def typing(board: SimBoard, *options: str) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """`auscult shell` on a terminal."""
    near, far = os.openpty()
    run = subprocess.Popen([sys.executable, "-m", "auscult_host.cli", "shell", "-d", board.port, *options], stdin=far, stdout=far,
                           stderr=far, env=ENV)
    os.close(far)
    try:
        yield near, run
    finally:
        run.kill()
        os.close(near)


def until(terminal: int, text: bytes, nudge: bytes = b"") -> bytes:
    """Reads until the text has come. nudge: what is typed while nothing comes, as before the shell listens."""
    seen = b""
    for _ in range(300):
        if select.select([terminal], [], [], 0.2)[0]:
            seen += os.read(terminal, 1024)
        elif nudge:
            os.write(terminal, nudge)
        if text in seen:
            return seen
    raise AssertionError(f"no {text!r} in {seen!r}")


def test_the_shell_talks_and_leaves_a_running_board_alone(board: SimBoard) -> None:
    board.put_bytes(COUNTING.encode(), "main.py")
    board.hard_reset()
    board._console.close()
    with typing(board) as (terminal, run):
        until(terminal, b"count")
        os.write(terminal, b"\x1d")
        assert run.wait(30) == 0
    before = int(first_lines(board, 4)[-1].split()[1])
    assert before > 3, "the program was started anew"
    board._console.close()
    with typing(board) as (terminal, run):
        until(terminal, b"count")
        os.write(terminal, b"\x03")
        until(terminal, b">>> ")
        os.write(terminal, b"print(n, 6 * 7)\r")
        assert b" 42\r\n" in until(terminal, b" 42\r\n")
        os.write(terminal, b"\x1d")
        assert run.wait(30) == 0
    assert any(line.startswith("count") for line in first_lines(board, 8)), "it was left stopped"


def test_the_shell_keeps_what_was_typed_if_asked_to(board: SimBoard) -> None:
    with typing(board, "--keep") as (terminal, run):
        until(terminal, b">>> ", nudge=b"\r")
        os.write(terminal, b"kept = 17\r")
        until(terminal, b"kept = 17\r\n>>> ")
        os.write(terminal, b"\x1d")
        assert run.wait(30) == 0
    assert board.exec("print(kept)") == "17\n"
    assert "a terminal" in cli("shell", "-d", board.port).stderr


def test_files_go_there_and_back_whole(board: SimBoard, tmp_path: Path) -> None:
    data = random.Random(1).randbytes(10_000)
    (tmp_path / "a.bin").write_bytes(data)
    said = answer("files", "put", tmp_path / "a.bin", "lib/deep/b.bin", "-d", board.port)
    assert said["files"][0]["path"] == "lib/deep/b.bin" and said["files"][0]["sent"]
    assert board.get_bytes("/lib/deep/b.bin") == data
    board._console.close()
    assert not answer("files", "put", tmp_path / "a.bin", "lib/deep/b.bin", "-d", board.port)["files"][0]["sent"]
    said = answer("files", "ls", "-d", board.port)
    assert said["entries"] == [{"path": "lib/", "size": 10_000, "role": ""}]
    said = answer("files", "ls", "lib", "-r", "-d", board.port)
    assert [row["path"] for row in said["entries"]] == ["lib/deep/", "lib/deep/b.bin"]
    answer("files", "get", ":lib/deep/b.bin", tmp_path / "back.bin", "-d", board.port)
    assert (tmp_path / "back.bin").read_bytes() == data
    done = cli("files", "get", "/lib/deep/b.bin", tmp_path / "back.bin", "-d", board.port)
    assert done.returncode == 1 and "exists" in done.stderr
    said = answer("files", "df", "-d", board.port)
    assert said["total"] - said["free"] == said["used"] >= 10_000 and said["entries"][0]["path"] == "lib/"
    done = cli("files", "rm", "lib", "-d", board.port)
    assert done.returncode == 1 and "a folder with 1 files" in done.stderr
    assert answer("files", "rm", "lib", "-r", "-d", board.port)["removed"] == ["lib/deep/b.bin"]
    done = cli("files", "rm", "lib/deep/b.bin", "-d", board.port)
    assert done.returncode == 1 and "there is no" in done.stderr


def test_a_file_that_does_not_fit_changes_nothing(board: SimBoard, tmp_path: Path) -> None:
    board.put_bytes(b"old", "data.bin")
    with devices.connect(board.port) as device:
        files = boardfiles.Files(device)
        with pytest.raises(AuscultError, match="free"):
            files.put("data.bin", bytes(files.total))
        board.exec(f"f = open('other', 'wb')\nfor _ in range({files.free // 1024 - 24}): f.write(bytes(1024))\nf.close()")
        with pytest.raises(AuscultError, match="is full"):  # another has filled it meanwhile: the board says so itself
            files.put("data.bin", random.Random(2).randbytes(40_000))
        assert [entry.path for entry in files.entries()] == ["data.bin", "other"]
    assert board.get_bytes("data.bin") == b"old"


def test_a_put_that_is_cut_leaves_the_old_file(board: SimBoard, monkeypatch: pytest.MonkeyPatch) -> None:
    """The link goes after some pieces: what lies under the file's name is the old one, and the next attempt succeeds."""
    board.put_bytes(b"old", "data.bin")
    ask, pieces = boardfiles.checked.ask, []

    def cut(console, code, timeout_s):
        if "a2b_base64" in code:
            pieces.append(code)
        if len(pieces) == 4:
            raise ConnectionError("unplugged")
        return ask(console, code, timeout_s)

    new = random.Random(3).randbytes(8000)
    with devices.connect(board.port) as device:
        files = boardfiles.Files(device)
        monkeypatch.setattr(boardfiles.checked, "ask", cut)
        with pytest.raises(ConnectionError):
            files.put("data.bin", new)
        monkeypatch.setattr(boardfiles.checked, "ask", ask)
        assert files.get("data.bin") == b"old"
        assert files.put("data.bin", new)
        assert files.digest("data.bin") == (8000, hashlib.sha256(new).hexdigest())
        assert [entry.path for entry in files.entries()] == ["data.bin"]


def test_what_the_node_needs_is_marked_and_protected(board: SimBoard, tmp_path: Path) -> None:
    slots = (Path(boardfiles.__file__).parents[2] / "firmware" / "auscult" / "slots.py").read_bytes()
    for path in ("app_a/node.mpy", "app_b/node.mpy", "model_b/auscult.json", "main.py"):
        if "/" in path:
            board.exec(f"import os\ntry: os.mkdir({path.partition('/')[0]!r})\nexcept OSError: pass")
        board.put_bytes(b"x", path)
    board.put_bytes(slots, "auscult_slots.py")
    board.exec(f"import auscult_slots\nauscult_slots.save({ACTIVE!r})")
    board._console.close()
    roles = {row["path"]: row["role"] for row in answer("files", "-r", "-d", board.port)["entries"]}
    assert roles["app_a/node.mpy"] == roles["model_b/"] == "active" and roles["app_b/node.mpy"] == "" == roles["app_b/"]
    assert roles["main.py"] == roles["auscult_slots.py"] == "start"
    (tmp_path / "node.mpy").write_bytes(b"other")
    for arguments in (("put", tmp_path / "node.mpy", "app_a/"), ("rm", "-r", "model_b"), ("rm", "/main.py")):
        done = cli("files", *arguments, "-d", board.port)
        assert done.returncode == 1 and "belongs to the node that was deployed" in done.stderr, arguments
    assert board.get_bytes("app_a/node.mpy") == b"x"
    board._console.close()
    answer("files", "rm", "-r", "app_b", "-d", board.port)
    answer("files", "put", "--force", tmp_path / "node.mpy", "app_a/", "-d", board.port)
    assert board.get_bytes("app_a/node.mpy") == b"other"
    board._console.close()


def test_wrong_calls_are_told_before_the_board_is_touched(tmp_path: Path) -> None:
    for arguments, words in ((("rm",), "without a path"), (("df", "x"), "no path"), (("ls", "a", "b"), "a folder")):
        done = cli("files", *arguments, "-d", tmp_path / "nowhere")
        assert done.returncode == 1 and words in done.stderr
    assert cli("files", "-d", tmp_path / "nowhere").returncode == 1
    assert cli("run", tmp_path / "none.py", "-d", tmp_path / "nowhere").returncode == 1
