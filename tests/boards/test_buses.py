# SPDX-License-Identifier: Apache-2.0
"""Virtual chips on I2C and SPI, pins and interrupts, as a driver meets them."""

import pytest
from auscult_host.simulator import SimBoard
from auscult_host.transport import BoardError

CHIP = """
import gc, machine, micropython, simboard, time
class Chip:
    "256 registers with an auto-incrementing address, on either bus"
    def __init__(self):
        self.memory = bytearray(256)
        self.at = 0
        self.log = []
    def write(self, buf):
        self.at = buf[0]
        for i in range(1, len(buf)):
            self.memory[self.at] = buf[i]
            self.at += 1
    def readinto(self, buf):
        for i in range(len(buf)):
            buf[i] = self.memory[self.at]
            self.at += 1
    def select(self):
        self.log.append("select")
    def deselect(self):
        self.log.append("deselect")
    def transfer(self, tx, rx):
        assert len(tx) == len(rx)
        for i in range(len(tx)):
            rx[i] = tx[i] ^ 0xff
    def tick(self):
        simboard.drive(5, 1)
        simboard.drive(5, 0)
chip = Chip()
"""


def test_i2c_registers(board: SimBoard) -> None:
    out = board.exec(CHIP + """
simboard.attach_i2c(1, 0x1d, chip)
bus = machine.I2C(1, freq=400_000)
print(bus.scan(), machine.I2C(0).scan())
bus.writeto_mem(0x1d, 0x20, b"\\x01\\x02\\x03")
print(bus.readfrom_mem(0x1d, 0x21, 2))
bus.writeto(0x1d, b"\\x20", False)
print(bus.readfrom(0x1d, 3))
simboard.attach_i2c(1, 0x1d, None)
print(bus.scan())
""")
    assert out.split("\n")[:4] == ["[29] []", r"b'\x02\x03'", r"b'\x01\x02\x03'", "[]"]


def test_places_are_used_again(board: SimBoard) -> None:
    """Eight chips at a time, any number one after the other."""
    out = board.exec(CHIP + """
for n in range(20):
    chip = Chip()
    simboard.attach_i2c(0, 0x1d, chip)
    simboard.attach_spi(1, 9, chip)
    if n % 2:
        simboard.attach_i2c(0, 0x1d, None)
        simboard.attach_spi(1, 9, None)
    simboard.alarm(Chip(), -1)
for n in range(8):
    simboard.attach_i2c(1, 0x20 + n, Chip())
print(machine.I2C(0).scan(), len(machine.I2C(1).scan()))
try:
    simboard.attach_i2c(1, 0x30, Chip())
except ValueError as error:
    print(error)
""")
    assert out == "[] 8\ntoo many chips: 8 at most\n"


def test_i2c_nobody_answers(board: SimBoard) -> None:
    out = board.exec("""
import errno, machine
try:
    machine.I2C(0).readfrom(0x33, 1)
except OSError as error:
    print(errno.errorcode[error.errno])
""")
    assert out == "ENODEV\n"


def test_chip_may_refuse(board: SimBoard) -> None:
    """What a chip raises reaches the driver, and the bus works afterwards."""
    out = board.exec(CHIP + """
class Busy(Chip):
    busy = True
    def write(self, buf):
        if self.busy:
            raise OSError(5)
        super().write(buf)
chip = Busy()
simboard.attach_i2c(0, 0x19, chip)
bus = machine.I2C(0)
try:
    bus.writeto(0x19, b"\\x00\\x07")
except OSError as error:
    print(error.errno)
chip.busy = False
bus.writeto(0x19, b"\\x00\\x07")
print(bus.readfrom_mem(0x19, 0, 1))
""")
    assert out == "5\nb'\\x07'\n"


def test_spi_transfers(board: SimBoard) -> None:
    out = board.exec(CHIP + """
cs = machine.Pin(9, machine.Pin.OUT, value=1)
simboard.attach_spi(0, cs, chip)
bus = machine.SPI(0, baudrate=5_000_000, polarity=1, phase=1)
print(bus.read(2))
cs(0)
buf = bytearray(b"abc")
bus.write_readinto(buf, buf)
print(bytes(x ^ 0xff for x in buf), bus.read(2, 0x0f))
bus.write(bytes(200))
cs(1)
print(chip.log, bus.read(1))
""")
    assert out == "b'\\xff\\xff'\nb'abc' b'\\xf0\\xf0'\n['select', 'deselect'] b'\\xff'\n"


def test_transfers_take_no_heap(board: SimBoard) -> None:
    """A driver's steady state runs with the heap locked."""
    out = board.exec("""
import gc, machine, micropython, simboard
class Chip:
    def __init__(self):
        self.value = 7
    def write(self, buf):
        self.value = buf[0]
    def readinto(self, buf):
        buf[0] = self.value
    def select(self):
        pass
    deselect = select
    def transfer(self, tx, rx):
        rx[0] = tx[0]
chip = Chip()
simboard.attach_i2c(0, 0x1d, chip)
simboard.attach_spi(0, 9, chip)
cs = machine.Pin(9, machine.Pin.OUT, value=1)
i2c, spi = machine.I2C(0), machine.SPI(0)
buf = bytearray(1)
def work():
    for i in range(100):
        buf[0] = i
        i2c.writeto(0x1d, buf)
        i2c.readfrom_into(0x1d, buf)
        i2c.readfrom_mem_into(0x1d, 3, buf)
        cs(0)
        spi.write_readinto(buf, buf)
        spi.readinto(buf, 1)
        cs(1)
work()
gc.collect()
before = gc.mem_alloc()
micropython.heap_lock()
work()
micropython.heap_unlock()
print(gc.mem_alloc() - before)
""")
    assert int(out) <= 16  # the number itself may take a block


def test_chip_that_keeps_its_buffer_sees_nothing(board: SimBoard) -> None:
    """The buffer handed to a chip is void after the call: no dangling memory."""
    out = board.exec("""
import machine, simboard
class Chip:
    def write(self, buf):
        self.kept = buf
chip = Chip()
simboard.attach_i2c(0, 0x1d, chip)
machine.I2C(0).writeto(0x1d, b"12345")
print(len(chip.kept))
""")
    assert out == "0\n"


def test_pin_levels(board: SimBoard) -> None:
    out = board.exec("""
import machine, simboard
from machine import Pin, Signal
a = Pin(3, Pin.IN)
b = Pin(4, Pin.IN, Pin.PULL_UP)
print(a(), b())
simboard.drive(3, 1)
simboard.drive(b, 0)
print(a(), b.value())
simboard.drive(b, None)
led = Pin(7, Pin.OUT, value=1)
light = Signal(led, invert=True)
print(b(), led(), light.value())
light.on()
print(led(), end=" ")
led.toggle()
print(led())
""")
    assert out == "0 1\n1 0\n1 1 0\n0 1\n"


def test_pin_interrupts(board: SimBoard) -> None:
    out = board.exec("""
import simboard, time
from machine import Pin
seen = []
def handler(pin):
    seen.append(irq.flags())
pin = Pin(5, Pin.IN)
for hard in (False, True):
    for trigger in (Pin.IRQ_RISING, Pin.IRQ_FALLING, Pin.IRQ_RISING | Pin.IRQ_FALLING):
        seen.clear()
        seen.append(0)
        seen.pop()
        irq = pin.irq(handler, trigger, hard=hard)
        for level in (1, 1, 0, 0):
            simboard.drive(5, level)
            time.sleep_ms(0)
        print(seen, end=" ")
pin.irq(None)
seen.clear()
simboard.drive(5, 1)
time.sleep_ms(1)
print(seen)
""")
    assert out == "[1] [2] [1, 2] [1] [2] [1, 2] []\n"


def test_things_that_are_not_there(board: SimBoard) -> None:
    for code in ("machine.I2C(2)", "machine.SPI(5)", "machine.UART(0)", "machine.Pin(32)"):
        with pytest.raises(BoardError, match="doesn't exist"):
            board.exec("import machine\n" + code)


def test_two_chips_from_within_each_other(board: SimBoard) -> None:
    """A chip that talks to another one in its callback (a sensor hub) gets its own buffer back."""
    out = board.exec("""
import machine, simboard
bus = machine.I2C(0)
class Inner:
    def readinto(self, buf):
        for i in range(len(buf)):
            buf[i] = 7
class Outer:
    def readinto(self, buf):
        buf[0] = bus.readfrom(0x11, 3)[2]
        buf[1] = len(buf)
simboard.attach_i2c(0, 0x10, Outer())
simboard.attach_i2c(0, 0x11, Inner())
print(bus.readfrom(0x10, 2))
""")
    assert out == "b'\\x07\\x02'\n"


def test_analog_inputs(board: SimBoard) -> None:
    out = board.exec("""
import gc, machine, simboard
class Chip:
    def __init__(self, word):
        self.word = word
    def read_u16(self):
        return self.word
simboard.attach_adc(0, Chip(65535))
simboard.attach_adc(7, Chip(1234))
adcs = [machine.ADC(channel) for channel in range(8)]
print(adcs[7], [adc.read_u16() for adc in adcs])
simboard.attach_adc(0, None)
gc.collect()
print(adcs[0].read_u16(), adcs[7].read_u16())
for wrong in (lambda: machine.ADC(8), lambda: machine.ADC(), lambda: simboard.attach_adc(-1, Chip(0))):
    try:
        wrong()
    except (ValueError, TypeError) as error:
        print(error)
simboard.attach_adc(3, object())
try:
    adcs[3].read_u16()
except AttributeError as error:
    print(error)
""")
    assert out.split("\n")[:6] == [
        "ADC(7) [65535, 0, 0, 0, 0, 0, 0, 1234]", "0 1234", "ADC(8) doesn't exist: 0 to 7",
        "function takes 1 positional arguments but 0 were given", "ADC(-1) doesn't exist: 0 to 7",
        "'object' object has no attribute 'read_u16'"]


def test_analog_inputs_are_open_after_a_soft_reset(board: SimBoard) -> None:
    code = "import machine\nprint(machine.ADC(2).read_u16())"
    chip = "import simboard\nclass Chip:\n    def read_u16(self):\n        return 9\nsimboard.attach_adc(2, Chip())\n"
    assert board.exec(chip + code) == "9\n"
    board.soft_reset()
    assert board.exec(code) == "0\n"
