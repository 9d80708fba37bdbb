# SPDX-License-Identifier: Apache-2.0
"""Sleeping, waking and counting. In deterministic mode all times are exact, so they can be asserted."""

import pytest
from auscult_host.simulator import SimBoard
from boards_code import CHIP_WITH_ALARM


def test_sleeps_last_as_asked(counting: SimBoard) -> None:
    out = counting.exec("""
import time
for ms in (1, 7, 250, 60_000):
    t = time.ticks_us()
    time.sleep_ms(ms)
    print(time.ticks_diff(time.ticks_us(), t) // 1000, end=" ")
""")
    assert out.split() == ["1", "7", "250", "60000"]


def test_sleeping_costs_nothing(counting: SimBoard) -> None:
    """The CPU stops: a long sleep takes no more instructions than a short one."""
    out = counting.exec("""
import simboard, time, machine
def cost(sleep, ms):
    start = simboard.instructions()
    sleep(ms)
    return simboard.instructions() - start
cost(time.sleep_ms, 5)
print(cost(time.sleep_ms, 10), cost(time.sleep_ms, 30_000), cost(machine.lightsleep, 30_000))
""")
    assert all(int(word) < 12_000 for word in out.split())


def test_same_program_same_counts() -> None:
    """Two runs agree to the instruction, on every board."""
    program = """
import simboard, json
def work(n):
    total = 0
    for i in range(n):
        total += len(json.dumps([i, str(i)]))
    return total
counts = []
for n in (1, 10, 100):
    start = simboard.instructions()
    work(n)
    counts.append(simboard.instructions() - start)
print(counts)
"""
    for name in ("sim_m0", "sim_m3", "sim_m4", "sim_m7", "sim_rv32"):
        runs = []
        for _ in range(2):
            with SimBoard(name, deterministic=True) as board:
                runs.append(board.exec(program))
        assert runs[0] == runs[1], name
        assert "[" in runs[0]


@pytest.mark.parametrize("name", ["sim_m3", "sim_m4", "sim_m7", "sim_rv32"])
def test_counts_single_instructions(name: str) -> None:
    """n more instructions are counted as n more, whatever the phase of the timer's tick (40 instructions on Arm)."""
    assembler, nothing = ("asm_rv32", "addi(a1, zero, 1)") if name == "sim_rv32" else ("asm_thumb", "nop()")
    answer = "addi(a0, zero, 1)" if name == "sim_rv32" else "mov(r0, 1)"
    functions = "".join(f"@micropython.{assembler}\ndef f{n}():\n    {answer}\n" + f"    {nothing}\n" * n
                        for n in range(50))
    with SimBoard(name, deterministic=True) as board:
        out = board.exec("import simboard\n" + functions + """
def cost(f):
    start = simboard.instructions()
    f()
    return simboard.instructions() - start
counts = []
for f in (FUNCTIONS):
    counts.append(min(cost(f) for _ in range(3)))  # the poll of every 64th jump may fall into one of them
print(counts)
""".replace("FUNCTIONS", ", ".join(f"f{n}" for n in range(50))))
    counts = [int(word) for word in out.strip("[]\n").split(",")]
    assert [count - counts[0] for count in counts] == list(range(50))


def test_chip_instructions_are_told_apart(counting: SimBoard) -> None:
    """What a slow chip costs shows in bus_instructions(), and total minus bus stays the driver's own."""
    out = counting.exec("""
import machine, simboard
class Chip:
    work = 0
    def write(self, buf):
        for _ in range(self.work):
            pass
chip = Chip()
simboard.attach_i2c(0, 0x1d, chip)
bus = machine.I2C(0)
buf = b"x"
def cost(work):
    chip.work = work
    a, b = simboard.instructions(), simboard.bus_instructions()
    bus.writeto(0x1d, buf)
    c, d = simboard.instructions(), simboard.bus_instructions()
    return d - b, (c - a) - (d - b)
cost(0)
for work in (0, 1000):
    print(*cost(work))
""")
    (idle_chip, driver_a), (busy_chip, driver_b) = ([int(word) for word in line.split()] for line in out.splitlines())
    assert busy_chip > idle_chip + 20_000
    assert abs(driver_a - driver_b) < 200
    assert 0 < driver_a < 12_000


def test_alarm_wakes_from_sleep(counting: SimBoard) -> None:
    """A chip's watermark fires while the CPU sleeps, and its line ends lightsleep early, its handler having run."""
    out = counting.exec(CHIP_WITH_ALARM + """
simboard.alarm(slot, time.ticks_add(time.ticks_us(), 5_000))
t = time.ticks_us()
machine.lightsleep(1_000)
print(time.ticks_diff(time.ticks_us(), t) // 1000, fired)
t = time.ticks_us()
machine.lightsleep(20)
print(time.ticks_diff(time.ticks_us(), t) // 1000, fired)
simboard.alarm(chip, time.ticks_add(time.ticks_us(), 5_000))
simboard.alarm(chip, -1)
time.sleep_ms(20)
print(fired)
""")
    assert out == "5 [1]\n20 [1]\n[1]\n"


def test_alarm_during_sleep_ms_does_not_end_it(counting: SimBoard) -> None:
    out = counting.exec(CHIP_WITH_ALARM + """
simboard.alarm(slot, time.ticks_add(time.ticks_us(), 5_000))
t = time.ticks_us()
time.sleep_ms(50)
print(time.ticks_diff(time.ticks_us(), t) // 1000, fired)
""")
    assert out == "50 [1]\n"


def test_alarm_during_a_busy_loop(counting: SimBoard) -> None:
    out = counting.exec(CHIP_WITH_ALARM + """
simboard.alarm(slot, time.ticks_add(time.ticks_us(), 300))
t = time.ticks_us()
while not fired[0]:
    pass
print(time.ticks_diff(time.ticks_us(), t) < 1_000)
""")
    assert out == "True\n"


def test_alarm_of_a_chip_that_left_the_bus(counting: SimBoard) -> None:
    """Taken off its last bus, or replaced there, a chip is called no more; on a second bus it still is."""
    out = counting.exec(CHIP_WITH_ALARM + """
def after(leave):
    fired[0] = 0
    slot = simboard.attach_i2c(0, 0x1d, chip)
    simboard.alarm(slot, time.ticks_add(time.ticks_us(), 5_000))
    leave()
    time.sleep_ms(20)
    return fired[0]
print(after(lambda: None))
print(after(lambda: simboard.attach_i2c(0, 0x1d, None)))
print(after(lambda: simboard.attach_i2c(0, 0x1d, Chip())))
print(after(lambda: simboard.attach_i2c(0, 0x1d, chip)))
simboard.attach_spi(1, 9, chip)
print(after(lambda: simboard.attach_i2c(0, 0x1d, None)))
print(after(lambda: (simboard.attach_i2c(0, 0x1d, None), simboard.attach_spi(1, 9, None))))
for absent in (None, 7, 8, -1):
    try:
        simboard.alarm(absent, 0)
    except ValueError as error:
        print(error)
""")
    assert out.splitlines() == ["1", "0", "0", "1", "1", "0", "None is no chip", *["no chip in this slot"] * 3]


def test_alarm_queued_at_a_soft_reset(counting: SimBoard) -> None:
    """The call comes late, in the next interpreter, and does nothing."""
    for _ in range(3):
        # Each look for a character runs the queued alarm and then this callback, which lets the next one be queued:
        # one is there when the Ctrl-D of the soft reset is taken.
        counting.exec(CHIP_WITH_ALARM + """
import micropython
def busy(_):
    start = time.ticks_us()
    simboard.alarm(slot, time.ticks_add(start, 500))
    while time.ticks_diff(time.ticks_us(), start) < 1_000:
        pass
    micropython.schedule(busy, None)
micropython.schedule(busy, None)
""")
        counting.soft_reset()
        assert counting.exec("print('alive')") == "alive\n"
    out = counting.exec(CHIP_WITH_ALARM + """
simboard.alarm(slot, time.ticks_add(time.ticks_us(), 500))
time.sleep_ms(5)
print(fired)
""")
    assert out == "[1]\n"


def test_failing_tick_is_reported(counting: SimBoard) -> None:
    """A chip's mistake is printed, and neither the program nor the other chips stop."""
    out = counting.exec(CHIP_WITH_ALARM + """
class Broken(Chip):
    def tick(self):
        raise ValueError("broken chip")
other = simboard.attach_i2c(0, 0x44, Broken())
for number in (slot, other):
    simboard.alarm(number, time.ticks_add(time.ticks_us(), 1_000))
time.sleep_ms(5)
print(fired)
""")
    assert "ValueError: broken chip" in out
    assert out.endswith("[1]\n")


def test_asyncio_sleeps_and_wakes(counting: SimBoard) -> None:
    """A ThreadSafeFlag set by a pin's handler wakes its task at once; the waiting costs (nearly) nothing."""
    out = counting.exec(CHIP_WITH_ALARM + """
import asyncio
flag = asyncio.ThreadSafeFlag()
pin.irq(lambda p: flag.set(), machine.Pin.IRQ_RISING)
ticks = 0
async def ticker():
    global ticks
    while True:
        await asyncio.sleep_ms(100)
        ticks += 1
async def main():
    task = asyncio.create_task(ticker())
    start = time.ticks_ms()
    simboard.alarm(slot, time.ticks_add(time.ticks_us(), 1_550_000))
    spent = simboard.instructions()
    await flag.wait()
    print(time.ticks_diff(time.ticks_ms(), start), ticks, simboard.instructions() - spent < 3_000_000)
    task.cancel()
asyncio.run(main())
""")
    assert out == "1550 15 True\n"


def test_both_modes_give_the_same_results() -> None:
    """What a program computes does not depend on how time passes."""
    program = CHIP_WITH_ALARM + """
times = []
for n in range(5):
    simboard.alarm(slot, time.ticks_add(time.ticks_us(), 2_000))
    machine.lightsleep(500)
    times.append(fired[0])
print(times)
"""
    outputs = set()
    for deterministic in (False, True):
        with SimBoard("sim_m4", deterministic=deterministic) as board:
            outputs.add(board.exec(program))
    assert outputs == {"[1, 2, 3, 4, 5]\n"}


def test_wall_clock(counting: SimBoard) -> None:
    out = counting.exec("""
import time
a = time.time()
time.sleep(3)
print(time.time() - a, time.localtime()[0], time.time_ns() // 10**9 - time.time())
""")
    assert out == "3 2025 0\n"
