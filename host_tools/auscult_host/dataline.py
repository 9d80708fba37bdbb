# SPDX-License-Identifier: Apache-2.0
"""The line behind a simulated board's machine.UART(1): a terminal for the board, one for the user, a thread between."""

import os
import select
import termios
import threading
import tty
from types import TracebackType


class DataLine:
    """`board_end` is opened by the board (through QEMU), `port` by whoever talks to it. A context manager.

    Two terminals, because the board must never wait in a read: its end answers at once, with nothing if there is
    nothing, while the user's end behaves like any serial port. What nobody reads is kept.
    """

    def __init__(self) -> None:
        self._masters: list[int] = []
        self._slaves: list[int] = []
        for _ in range(2):
            master, slave = os.openpty()
            tty.setraw(slave)
            os.set_blocking(master, False)
            self._masters.append(master)
            self._slaves.append(slave)  # kept open, so that the settings stay and the other side never hangs up
        self.board_end, self.port = (os.ttyname(slave) for slave in self._slaves)
        settings = termios.tcgetattr(self._slaves[0])
        settings[6][termios.VMIN] = settings[6][termios.VTIME] = 0
        termios.tcsetattr(self._slaves[0], termios.TCSANOW, settings)
        self._stop_read, self._stop_write = os.pipe()
        self._thread = threading.Thread(target=self._pump, daemon=True)

    def __enter__(self) -> "DataLine":
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None,
                 trace: TracebackType | None) -> None:
        os.write(self._stop_write, b"x")
        self._thread.join()
        for descriptor in (*self._masters, *self._slaves, self._stop_read, self._stop_write):
            os.close(descriptor)

    def _pump(self) -> None:
        waiting = {master: b"" for master in self._masters}  # to be written there
        other = dict(zip(self._masters, reversed(self._masters), strict=True))
        while True:
            readable, writable, _ = select.select([*self._masters, self._stop_read],
                                                  [master for master in self._masters if waiting[master]], [])
            if self._stop_read in readable:
                return
            for master in readable:
                waiting[other[master]] += os.read(master, 4096)
            for master in writable:
                try:
                    waiting[master] = waiting[master][os.write(master, waiting[master]):]
                except BlockingIOError:
                    pass
