# SPDX-License-Identifier: Apache-2.0
"""All accelerometer drivers over busio and digitalio, as on CircuitPython and Linux: Blinka's own classes."""

import io

import numpy as np
import pytest
from auscult import port
from auscult.sensors import CHIPS, driver
from auscult.sensors.bus import I2CBus, SensorError, SPIBus
from auscult.virtual.clock import VirtualClock
from auscult.virtual.recording import Recording
from auscult.virtual.setup import chip_class

from device import blinka
from device.bench_chip import buses
from device.listener import signal

PLACES = pytest.mark.parametrize(("name", "kind"), [(name, kind) for name in sorted(CHIPS) for kind in buses(name)])
BUSES = pytest.mark.parametrize("kind", ["i2c", "spi"])


def make(name: str, words: np.ndarray | None = None):
    clock = VirtualClock((1 << 30) - 50000)
    words = signal(10) if words is None else words
    return clock, chip_class(name)(Recording(io.BytesIO(words.tobytes())), clock)


@PLACES
def test_every_sample_arrives_once_and_in_order(name: str, kind: str) -> None:
    words = signal(1000)
    clock, chip = make(name, words)
    Driver = driver(name)
    sensor = Driver(blinka.bus(kind, chip, Driver.SPI_MODES[-1]), clock)
    rate_hz = min(Driver.RATES_HZ, key=lambda rate: abs(rate - 400))
    sensor.configure(rate_hz, Driver.RANGES_G[-1], 10)
    sensor.start()
    block, got = sensor.block(), bytearray()
    for _ in range(1000 // 8 + 10):
        clock.sleep_us(int(8.3e6 / rate_hz))
        got += block.first[sensor.read_fifo_into(block)]
    assert np.array_equal(np.frombuffer(bytes(got), "<i2").reshape(-1, 3), words)
    assert sensor.overruns == 0 and chip.lost == 0


@BUSES
def test_the_lock_is_free_between_transactions(kind: str) -> None:
    """Or no other driver could use the bus; also after an error."""
    clock, chip = make("adxl345")
    i2c = blinka.i2c({0x53: chip})
    spi, selects = blinka.spi({"sensor": chip})
    bus, shared = (I2CBus(i2c, 0x53), i2c) if kind == "i2c" else (SPIBus(spi, selects["sensor"]), spi)
    sensor = driver("adxl345")(bus, clock)

    def is_free() -> bool:
        free = shared.try_lock()
        shared.unlock()
        return free

    assert is_free()
    sensor.configure(400)
    sensor.start()
    assert is_free()
    sensor.read_fifo_into(sensor.block())
    assert is_free()
    chip.present = False
    with pytest.raises(SensorError):
        sensor.check()
    assert is_free()


@BUSES
def test_a_lock_that_is_never_given_back_is_an_error(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    clock, chip = make("adxl345")
    for name in ("ticks_ms", "ticks_diff"):
        monkeypatch.setattr(port, name, getattr(clock, name))
    monkeypatch.setattr(port, "sleep_ms", lambda ms: clock.sleep_ms(max(ms, 1)))
    i2c = blinka.i2c({0x53: chip})
    spi, selects = blinka.spi({"sensor": chip})
    bus, shared = (I2CBus(i2c, 0x53), i2c) if kind == "i2c" else (SPIBus(spi, selects["sensor"]), spi)
    sensor = driver("adxl345")(bus, clock)
    assert shared.try_lock()
    with pytest.raises(SensorError, match=r"ADXL345 .*another part of the program keeps it locked"):
        sensor.check()
    shared.unlock()
    sensor.check()


def test_spi_settings_are_ours_in_each_transaction() -> None:
    """Another driver on the bus leaves other ones behind."""
    clock, chip = make("adxl345")
    spi, selects = blinka.spi({"sensor": chip})
    sensor = driver("adxl345")(SPIBus(spi, selects["sensor"], baudrate=4000000), clock)
    assert spi.try_lock()
    spi.configure(baudrate=100000, polarity=0, phase=0)
    spi.unlock()
    sensor.check()
    assert spi.frequency == 4000000


def test_a_wrong_spi_mode_is_named() -> None:
    _, chip = make("adxl345")
    with pytest.raises(SensorError, match=r"ADXL345 .*SPI mode, ADXL345 needs mode 3 \(polarity=1, phase=1\)"):
        driver("adxl345")(blinka.bus("spi", chip, mode=0))


def test_nobody_at_the_address() -> None:
    _, chip = make("adxl345")
    with pytest.raises(SensorError, match=r"no ADXL345 at 0x1D on I2C\(busio\)"):
        driver("adxl345")(I2CBus(blinka.i2c({0x53: chip}), 0x1D))


def test_commands_without_registers_pass_the_adapter() -> None:
    """send() and receive_into(), for chips like the SHT4x."""

    class Echo:
        present = True

        def write(self, buf):
            self.held = bytes(buf)

        def readinto(self, buf):
            buf[:] = self.held[::-1]

    bus = I2CBus(blinka.i2c({0x44: Echo()}), 0x44)
    answer = bytearray(3)
    bus.send(b"\x01\x02\x03")
    bus.receive_into(answer)
    assert answer == b"\x03\x02\x01"
    bus.write_from(0x10, bytes(range(20)))  # longer than the adapter's first buffer
    answer = bytearray(21)
    bus.receive_into(answer)
    assert answer == (b"\x10" + bytes(range(20)))[::-1]
