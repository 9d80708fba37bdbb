# SPDX-License-Identifier: Apache-2.0
"""KX132 and KX134: somebody else's drivers, unmodified, over the virtual chips: circuitpython-kx132 through Blinka, and
SparkFun's qwiic_kx13x, which reads the buffer as well. ADXL355 and ADXL357 have no driver on PyPI: their facts stand beside
those of two public drivers, and so do those of the KX13x that neither driver above uses."""

import io
from typing import Any

import kx132
import numpy as np
import pytest
import qwiic_kx13x
from auscult.sensors import adxl355 as our_adxl355
from auscult.sensors import driver
from auscult.sensors import kx134 as our_kx134
from auscult.sensors.bus import I2CBus
from auscult.virtual import adxl355 as virtual_adxl355
from auscult.virtual import kx134 as virtual_kx134
from auscult.virtual.bus import I2C
from auscult.virtual.clock import VirtualClock
from auscult.virtual.recording import Recording
from auscult.virtual.setup import chip_class

from device import blinka

G = 9.80665
SET_G = (0.5, -1.25, 1.75)  # x, y, z
FULL_SCALE_UM = 16 * 9806650
ADDRESS = 0x1F


def still(name: str, clock: VirtualClock) -> Any:
    words = np.tile(np.round(np.array(SET_G) * 2048).astype("<i2"), (60000, 1))
    return chip_class(name)(Recording(io.BytesIO(words.tobytes()), FULL_SCALE_UM), clock)


def newest(sensor: Any, clock: VirtualClock) -> np.ndarray:
    """m/s² of the newest sample by our driver."""
    block = sensor.block()
    clock.sleep_us(int(20e6 / sensor.rate_hz))
    n = sensor.read_fifo_into(block)
    return np.frombuffer(bytes(block.first[n]), "<i2").reshape(-1, 3)[-1] * sensor.scale


class TestCircuitPythonKx132:
    @pytest.fixture(autouse=True)
    def both(self) -> None:
        self.clock = VirtualClock()
        self.chip = still("kx132", self.clock)
        i2c = blinka.i2c({ADDRESS: self.chip})
        with blinka.passing(self.clock):
            self.theirs = kx132.KX132(i2c)
        self.ours = driver("kx132")(I2CBus(i2c, ADDRESS), self.clock)

    @pytest.mark.parametrize("range_g", [2, 4, 8, 16])
    def test_both_give_the_acceleration_that_is_set(self, range_g: int) -> None:
        self.theirs.acc_range = {2: 0, 4: 1, 8: 2, 16: 3}[range_g]
        self.clock.sleep_ms(100)
        assert self.theirs.acceleration == pytest.approx(SET_G, abs=range_g / 32768)
        self.ours.configure(400, range_g, 4)
        self.ours.start()
        assert newest(self.ours, self.clock) == pytest.approx(np.array(SET_G) * G, abs=range_g / 32768 * G)

    def test_they_understand_what_we_have_set(self) -> None:
        for code, rate_hz in enumerate(self.ours.RATES_HZ):
            self.ours.configure(rate_hz, 16, 4)
            self.ours.start()
            assert self.theirs.output_data_rate == code
            assert self.theirs.performance_mode == "HIGH_PERFORMANCE_MODE"
            assert self.theirs._operating_mode and self.theirs._acc_range == kx132.ACC_RANGE_16
            self.ours.stop()
            assert not self.theirs._operating_mode

    @pytest.mark.parametrize(("mode", "codes"), [(kx132.LOW_POWER_MODE, range(10)), (kx132.HIGH_PERFORMANCE_MODE, range(10, 16))])
    def test_the_chip_samples_at_the_rate_that_they_set(self, mode: int, codes: range) -> None:
        self.theirs.performance_mode = mode
        for code in codes:
            self.theirs.output_data_rate = code
            rate_hz = 25600 / 2 ** (15 - code)
            self.clock.sleep_ms(10)
            _ = self.theirs.acceleration  # the virtual chip catches up with time when it is asked
            before = self.chip.recording.left
            self.clock.sleep_us(int(100e6 / rate_hz))
            _ = self.theirs.acceleration
            assert before - self.chip.recording.left == pytest.approx(100, abs=1)

    def test_their_reset_is_followed_by_ours(self) -> None:
        self.ours.configure(400, 16, 4)
        self.ours.start()
        with blinka.passing(self.clock):
            self.theirs.soft_reset()
        assert self.theirs.output_data_rate == 6 and not self.chip.registers[0x5F]
        self.ours.configure(400, 16, 4)
        self.ours.start()
        assert newest(self.ours, self.clock) == pytest.approx(np.array(SET_G) * G, abs=0.01)


class Qwiic:
    """What qwiic_kx13x needs of SparkFun's own I2C class, over a virtual bus."""

    def __init__(self, bus: I2C) -> None:
        self.bus = bus

    def readByte(self, address: int, register: int) -> int:
        return self.readBlock(address, register, 1)[0]

    def writeByte(self, address: int, register: int, value: int) -> None:
        self.bus.writeto_mem(address, register, bytes([value & 0xFF]))

    def readBlock(self, address: int, register: int, count: int) -> list[int]:
        buf = bytearray(count)
        self.bus.readfrom_mem_into(address, register, buf)
        return list(buf)

    read_byte, write_byte, read_block = readByte, writeByte, readBlock


@pytest.mark.parametrize("name", ["kx132", "kx134"])
class TestSparkFun:
    @pytest.fixture(autouse=True)
    def both(self, name: str) -> None:
        self.clock = VirtualClock()
        self.chip = still(name, self.clock)
        bus = I2C(1)
        bus.devices[ADDRESS] = self.chip
        make = {"kx132": qwiic_kx13x.QwiicKX132, "kx134": qwiic_kx13x.QwiicKX134}[name]
        self.theirs = make(ADDRESS, Qwiic(bus))
        self.ours = driver(name)(I2CBus(bus, ADDRESS), self.clock)
        assert self.theirs.begin()

    def their_g(self, name: str) -> list[float]:
        self.theirs.conv_accel_data()
        said = getattr(self.theirs, name + "_accel")
        return [said.x, said.y, said.z]

    def buffer(self, mode: int) -> None:
        """As their example 3 does."""
        theirs = self.theirs
        theirs.enable_accel(False)
        theirs.set_range(0)
        theirs.set_output_data_rate(9)  # 400 Hz
        theirs.set_buffer_operation_and_resolution(mode, 1)
        theirs.set_buffer_threshold(20)
        theirs.enable_buffer_and_interrupt(True, True)
        theirs.enable_accel(True)

    def test_both_give_the_acceleration_that_is_set(self, name: str) -> None:
        for code, range_g in enumerate(driver(name).RANGES_G):
            self.theirs.enable_accel(False)
            self.theirs.set_range(code)
            self.theirs.enable_accel(True)
            self.clock.sleep_ms(100)
            self.theirs.get_accel_data()
            assert self.their_g(name) == pytest.approx(SET_G, abs=1.01 * range_g / 32768)
            self.ours.configure(400, range_g, 4)
            self.ours.start()
            assert newest(self.ours, self.clock) == pytest.approx(np.array(SET_G) * G, abs=1.01 * range_g / 32768 * G)

    def test_their_buffer_is_the_chips(self, name: str) -> None:
        self.buffer(self.theirs.BUFFER_MODE_STREAM)
        self.clock.sleep_ms(102)
        assert self.theirs.get_sample_level() == 6 * 40
        assert self.chip._get(0x17) == 0x30  # watermark, data ready
        for left in range(39, -1, -1):
            assert self.theirs.get_raw_accel_buffer_data()
            assert self.their_g(name) == pytest.approx(SET_G, abs=0.001)
            assert self.theirs.get_sample_level() == 6 * left
        self.clock.sleep_ms(1000)
        assert self.theirs.get_sample_level() == 6 * 86 and self.chip._get(0x17) & 0x40

    def test_they_read_the_buffer_that_we_have_set_and_we_theirs(self, name: str) -> None:
        self.ours.configure(400, driver(name).RANGES_G[0], 20)
        self.ours.start()
        self.clock.sleep_ms(102)
        assert self.ours.level() == 40 and self.theirs.get_sample_level() == 240
        assert self.theirs.get_raw_accel_buffer_data()  # finds out by itself that samples have 16 bits
        assert self.their_g(name) == pytest.approx(SET_G, abs=0.001)
        assert self.ours.level() == 39 and self.theirs.get_accel_state() == 1
        self.buffer(self.theirs.BUFFER_MODE_STREAM)
        assert newest(self.ours, self.clock) == pytest.approx(np.array(SET_G) * G, abs=0.01)

    def test_their_reset_and_command_test(self, name: str) -> None:
        with blinka.passing(self.clock):
            qwiic_kx13x.sleep, kept = lambda seconds: self.clock.sleep_us(round(seconds * 1e6)), qwiic_kx13x.sleep
            try:
                assert self.theirs.software_reset()
            finally:
                qwiic_kx13x.sleep = kept
        assert self.theirs.run_command_test()
        assert self.chip.registers[0x21] == 0x06

    def test_registers_and_interrupts_have_their_numbers(self, name: str) -> None:
        theirs = qwiic_kx13x.QwiicKX13XCore
        named = [fact for fact in vars(our_kx134) if hasattr(theirs, "KX13X" + fact)]
        assert len(named) >= 17
        for module in (our_kx134, virtual_kx134):
            for fact in vars(module):
                assert getattr(module, fact) == getattr(theirs, "KX13X" + fact, getattr(module, fact)), fact
        assert our_kx134._WMI1 == theirs.HI_WATERMARK and our_kx134._WUFI1 == theirs.HI_WAKE_UP
        assert tuple(theirs.available_addresses) == driver(name).ADDRESSES and driver(name).DATA == theirs.KX13X_BUF_READ


# --- facts beside public drivers: name of the constant -> value; checked in the driver and in the virtual chip

# zephyr: zephyrproject-rtos/zephyr drivers/sensor/adi/adxl355/adxl355.h
# linux: torvalds/linux drivers/iio/accel/adxl355_core.c
# no-OS: analogdevicesinc/no-OS drivers/accel/adxl355/adxl355.h and .c
ADXL355 = {  # all three
    "_STATUS": 0x04, "_FIFO_ENTRIES": 0x05, "_TEMP2": 0x06, "_XDATA3": 0x08, "_FIFO_DATA": 0x11, "_OFFSET_X_H": 0x1E,
    "_ACT_EN": 0x24, "_ACT_THRESH_H": 0x25, "_ACT_COUNT": 0x27, "_FILTER": 0x28, "_FIFO_SAMPLES": 0x29, "_INT_MAP": 0x2A,
    "_RANGE": 0x2C, "_POWER_CTL": 0x2D, "_SELF_TEST": 0x2E, "_RESET": 0x2F, "_RESET_CODE": 0x52, "_STANDBY": 0x01,
    # zephyr and no-OS
    "_FIFO_OVR": 0x04, "_ACTIVITY": 0x08, "_NVM_BUSY": 0x10, "_FULL_EN1": 0x02, "_ACT_EN1": 0x08, "_ACT_XYZ": 0x07,
    "_ST1_ST2": 0x03, "_HPF_1000HZ": 1 << 4 | 2, "_ACTIVE_HIGH": 1 << 7 | 1 << 6,
}
# linux: torvalds/linux drivers/iio/accel/kionix-kx022a.h
# sparkfun: sparkfun/SparkFun_KX13X_Arduino_Library src/SparkFun_KX13X_regs.h and SparkFun_Qwiic_KX13X.cpp
KX134 = {  # both
    "_WHO_AM_I": 0x13, "_INS2": 0x17, "_INT_REL": 0x1A, "_CNTL1": 0x1B, "_CNTL2": 0x1C, "_CNTL5": 0x1F, "_ODCNTL": 0x21,
    "_INC1": 0x22, "_INC4": 0x25, "_BTSWUFTH": 0x4A, "_SELF_TEST": 0x5D, "_BUF_CNTL1": 0x5E, "_BUF_CNTL2": 0x5F,
    "_BUF_STATUS_1": 0x60, "_BUF_CLEAR": 0x62, "_BUF_READ": 0x63, "_PC1": 0x80, "_RES": 0x40, "_WMI1": 0x20,
    # sparkfun, and the driver for Zephyr by Griffin Adams (kx134.h, 2021)
    "_INS3": 0x18, "_CNTL3": 0x1D, "_CNTL4": 0x1E, "_INC2": 0x23, "_WUFTH": 0x49, "_WUFC": 0x4D, "_WUFI1": 0x02, "_LPRO": 0x40,
    "_WUFE": 0x20, "_TH_MODE": 0x40, "_LINE": 1 << 5 | 1 << 4 | 1 << 1, "_WUFS": 0x80, "_STREAM_16": 1 << 7 | 1 << 6 | 1,
}


@pytest.mark.parametrize(("facts", "modules"), [
    (ADXL355, (our_adxl355, virtual_adxl355)), (KX134, (our_kx134, virtual_kx134))], ids=["adxl355", "kx134"])
def test_registers_and_bits_are_those_of_public_drivers(facts: dict[str, int], modules: tuple) -> None:
    for name, value in facts.items():
        known = [getattr(module, name) for module in modules if hasattr(module, name)]
        assert known and set(known) == {value}, name


class TestAdxl355Facts:
    """Each after two of: zephyr, linux and no-OS as above; plasmapper/adxl355-arduino PL_ADXL355.cpp;
    analogdevicesinc/adi-adxl355-rs adi-adxl355/src; AlekseyFedorovich/ADXL355_ADXL357_spi_micropython ADXL_355.py."""

    def chip(self, name: str = "adxl355") -> tuple[Any, VirtualClock]:
        clock = VirtualClock()
        return still(name, clock), clock

    def test_ids(self) -> None:
        """linux, zephyr, no-OS; the ADXL357 has the same in no-OS."""
        for name in ("adxl355", "adxl357"):
            assert bytes(self.chip(name)[0].registers[:3]) == b"\xAD\x1D\xED"
            assert (driver(name).ID_REGISTER, driver(name).IDS) == (0x02, (0xED,))

    def test_power_on_values(self) -> None:
        """no-OS and adi-adxl355-rs: FIFO_SAMPLES 96, RANGE 0x81, POWER_CTL standby, ACT_COUNT 1."""
        registers = self.chip()[0].registers
        assert [registers[i] for i in (0x24, 0x27, 0x28, 0x29, 0x2A, 0x2C, 0x2D, 0x2E)] == [0, 1, 0, 0x60, 0, 0x81, 1, 0]

    def test_spi_framing(self) -> None:
        """zephyr, no-OS: address << 1 | read; plasmapper: mode 0."""
        kind = driver("adxl355")
        assert (kind.SPI_READ, kind.SPI_SHIFT, kind.SPI_MULTIPLE, kind.SPI_MODES) == (1, 1, 0, (0,))

    def test_sensitivities(self) -> None:
        """zephyr: 256000, 128000 and 64000 LSB/g; linux, no-OS: 3.9 µg; no-OS, mbed's ADI_CAC/ADXL355: 19.5 µg at ±10 g."""
        for name, digits in (("adxl355", (256000, 128000, 64000)), ("adxl357", (51200, 25600, 12800))):
            for range_g, per_g in zip(driver(name).RANGES_G, digits, strict=True):
                assert driver(name).full_scale_of(range_g) == 2**19 * 9806650 // per_g

    def test_rates(self) -> None:
        """linux, no-OS, plasmapper, AlekseyFedorovich: 11 codes from 4000 Hz, the low-pass corner at a quarter."""
        assert driver("adxl355").RATES_HZ[::-1] == (4000, 2000, 1000, 500, 250, 125, 62.5, 31.25, 15.625, 7.813, 3.906)
        assert driver("adxl355").BANDWIDTH == 1000 / 4000

    def test_fifo_of_96_entries_of_which_x_has_bit_0_and_none_has_bit_1(self) -> None:
        """no-OS, plasmapper, adi-adxl355-rs."""
        chip, clock = self.chip()
        sensor = driver("adxl355")(blinka.bus("spi", chip, mode=0), clock)
        sensor.configure(1000, 8, 16)
        sensor.start()
        clock.sleep_ms(100)
        assert sensor._bus.read(0x05) == 96 == 3 * sensor.DEPTH
        raw = bytearray(9 * 33)
        sensor._bus.read_into(0x11, raw)
        assert [raw[i] & 3 for i in range(2, 9 * 32, 3)] == [1, 0, 0] * 32
        assert [raw[i] & 3 for i in range(9 * 32 + 2, 9 * 33, 3)] == [2, 2, 2]

    def test_temperature(self) -> None:
        """linux, no-OS, adi-adxl355-rs: 1885 at 25 °C, -9.05 a degree (1852 in drivers after the data sheet's first revision)."""
        chip, clock = self.chip()
        sensor = driver("adxl355")(blinka.bus("i2c", chip), clock)
        assert chip._get(0x06) << 8 | chip._get(0x07) == 1885 and sensor.temperature_c() == 25

    def test_self_test_limits(self) -> None:
        """zephyr, plasmapper (examples/DeviceInfoAndSelfTest): 0.1 to 0.6, 0.1 to 0.6, 0.5 to 3 g, from ST1 to ST1 and ST2."""
        assert driver("adxl355").SELF_TEST[3] == ((100, 600), (100, 600), (500, 3000))

    def test_our_driver_gives_the_acceleration_that_is_set(self) -> None:
        for name in ("adxl355", "adxl357"):
            for range_g in driver(name).RANGES_G:
                for kind in ("i2c", "spi"):
                    chip, clock = self.chip(name)
                    sensor = driver(name)(blinka.bus(kind, chip, mode=0), clock)
                    sensor.configure(500, range_g, 4)
                    sensor.start()
                    assert newest(sensor, clock) == pytest.approx(np.array(SET_G) * G, abs=1.01 * sensor.scale)


class TestKionixFacts:
    """linux (kionix-kx022a.h, kionix-kx022a.c) and sparkfun as above. linux: the watermark's line, not pulsed, falls when the
    buffer is read."""

    def test_spi_mode(self) -> None:
        """sparkfun (sfe_bus.cpp) uses mode 0."""
        assert driver("kx132").SPI_MODES == driver("kx134").SPI_MODES == (0,)

    def test_ids_and_buffer(self) -> None:
        """86 samples of 16 bits, level in 10 bits of bytes."""
        assert driver("kx132").IDS == (0x3D,) and driver("kx134").IDS == (0x46,)
        assert driver("kx134").DEPTH == virtual_kx134.KX134.DEPTH == 86

    def test_rates(self) -> None:
        """circuitpython-kx132's table and linux: 0.78 Hz is code 0, 200 Hz code 8."""
        rates = driver("kx134").RATES_HZ
        assert len(rates) == 16 and rates.index(200) == 8 and rates.index(25) == 5 and round(rates[0], 2) == 0.78
