# SPDX-License-Identifier: Apache-2.0
"""Somebody else's drivers, unmodified, over the virtual MPU-6050, MPU-6500, MPU-6886, MPU-9250 and BMA423: Adafruit's and
J. Montoya's through Blinka, J. Menegazzo's over an SMBus. They and ours must agree with the acceleration that is set,
and each must understand how the other has set the chip. None but Adafruit's touches a FIFO, so those registers are
compared with two public drivers each."""

import io
from typing import Any
from unittest import mock

import adafruit_mpu6050
import bma423
import numpy as np
import pytest
from auscult.sensors import bma423 as our_bma423
from auscult.sensors import driver
from auscult.sensors import mpu6050 as our_mpu6050
from auscult.sensors.bus import I2CBus
from auscult.virtual import bma423 as virtual_bma423
from auscult.virtual import mpu6050 as virtual_mpu6050
from auscult.virtual.bus import I2C
from auscult.virtual.clock import VirtualClock
from auscult.virtual.recording import Recording
from auscult.virtual.setup import chip_class
from mpu9250_jmdev import mpu_9250, registers

from device import blinka

G = 9.80665
SET_G = (0.5, -1.25, 1.75)  # x, y, z
FULL_SCALE_UM = 16 * 9806650
ADDRESS = 0x68
RANGES = pytest.mark.parametrize("range_g", [2, 4, 8, 16])
CODES = {2: 0, 4: 1, 8: 2, 16: 3}


class SMBus:
    """smbus2.SMBus over virtual chips."""

    def __init__(self, i2c: I2C) -> None:
        self._i2c = i2c

    def write_byte_data(self, address: int, register: int, value: int) -> None:
        self._i2c.writeto_mem(address, register, bytes([value]))

    def read_i2c_block_data(self, address: int, register: int, length: int) -> list[int]:
        buffer = bytearray(length)
        self._i2c.readfrom_mem_into(address, register, buffer)
        return list(buffer)


class Both:
    """One virtual chip with a still acceleration on one bus, and both drivers on that bus."""

    def __init__(self, name: str, range_g: int = 16) -> None:
        words = np.tile(np.round(np.array(SET_G) * 2048).astype("<i2"), (50000, 1))
        self.clock = VirtualClock()
        self.chip: Any = chip_class(name)(Recording(io.BytesIO(words.tobytes()), FULL_SCALE_UM), self.clock)
        i2c: Any
        with blinka.passing(self.clock):
            if name in ("mpu6050", "bma423"):
                i2c = blinka.i2c({ADDRESS: self.chip})
                kind = {"mpu6050": adafruit_mpu6050.MPU6050, "bma423": bma423.BMA423}[name]
                self.theirs: Any = kind(i2c, ADDRESS)
            else:
                i2c = I2C(1)
                i2c.devices[ADDRESS] = self.chip
                with mock.patch.object(mpu_9250.smbus, "SMBus", lambda bus: SMBus(i2c)):
                    self.theirs = mpu_9250.MPU9250()
                self.theirs.configureMPU6500(registers.GFS_250, CODES[range_g])
        self.ours = driver(name)(I2CBus(i2c, ADDRESS), self.clock)

    def our_acceleration(self) -> np.ndarray:
        """m/s² of the newest samples."""
        block = self.ours.block()
        self.clock.sleep_us(self.chip.START_US + int(10e6 / self.ours.rate_hz))
        n = self.ours.read_fifo_into(block)
        assert n >= 9
        return np.frombuffer(bytes(block.first[n]), "<i2").reshape(-1, 3)[-1] * self.ours.scale

    def sampled(self, ms: int) -> int:
        """Samples that the chip makes in that time."""
        self.chip.tick()
        before = self.chip.recording.left
        self.clock.sleep_ms(ms)
        self.chip.tick()
        return before - self.chip.recording.left


class TestAdafruitsMpu6050:
    @RANGES
    def test_both_drivers_give_the_acceleration_that_is_set(self, range_g: int) -> None:
        both = Both("mpu6050")
        with blinka.passing(both.clock):
            both.theirs.accelerometer_range = CODES[range_g]
        both.clock.sleep_ms(100)
        assert both.theirs.acceleration == pytest.approx(np.array(SET_G) * G, abs=range_g * G / 30000)
        both.ours.configure(500, range_g, 4)
        both.ours.start()
        assert both.our_acceleration() == pytest.approx(np.array(SET_G) * G, abs=range_g * G / 30000)

    @RANGES
    @pytest.mark.parametrize("rate_hz", driver("mpu6050").RATES_HZ)
    def test_they_understand_what_we_have_set(self, range_g: int, rate_hz: int) -> None:
        both = Both("mpu6050")
        both.ours.configure(rate_hz, range_g, 4)
        assert both.theirs.sleep
        both.ours.start()
        theirs = both.theirs
        assert not theirs.sleep and not theirs.cycle and theirs.clock_source == 0
        assert theirs._accel_range == CODES[range_g]
        base_hz = 8000 if theirs.filter_bandwidth == adafruit_mpu6050.Bandwidth.BAND_260_HZ else 1000
        assert base_hz / (1 + theirs.sample_rate_divisor) == rate_hz
        assert theirs.fifo_en and theirs.accel_fifo_en and not theirs.fiforst
        both.ours.wake_on_motion(0.5)
        assert theirs.cycle and theirs.cycle_rate == adafruit_mpu6050.Rate.CYCLE_20_HZ

    @pytest.mark.parametrize("rate_hz", [10, 125, 500, 1000])
    def test_the_chip_samples_at_the_rate_that_they_set(self, rate_hz: int) -> None:
        both = Both("mpu6050")
        with blinka.passing(both.clock):
            both.theirs.filter_bandwidth = adafruit_mpu6050.Bandwidth.BAND_44_HZ
            both.theirs.sample_rate_divisor = 1000 // rate_hz - 1
        both.clock.sleep_ms(100)
        assert both.sampled(4000) == pytest.approx(4 * rate_hz, abs=1)
        with blinka.passing(both.clock):
            both.theirs.cycle_rate = adafruit_mpu6050.Rate.CYCLE_5_HZ
            both.theirs.cycle = True
        assert both.sampled(4000) == pytest.approx(20, abs=1)
        both.theirs.sleep = True
        assert both.sampled(1000) == 0

    def test_they_read_the_fifo_that_we_have_filled(self) -> None:
        both = Both("mpu6050")
        both.ours.configure(500, 4, 4)
        both.ours.start()
        both.clock.sleep_ms(50)
        count = both.theirs.fifo_count
        assert count % 6 == 0 and 100 <= count <= 150
        raw = both.theirs.read_whole_fifo()
        assert len(raw) == count and both.theirs.fifo_count == 0
        values = np.frombuffer(bytes(raw), ">i2").reshape(-1, 3) / 8192
        assert values == pytest.approx(np.tile(SET_G, (len(values), 1)), abs=1e-3)

    def test_we_read_the_fifo_that_they_have_filled(self) -> None:
        both = Both("mpu6050")
        with blinka.passing(both.clock):
            both.theirs.filter_bandwidth = adafruit_mpu6050.Bandwidth.BAND_94_HZ
            both.theirs.sample_rate_divisor = 9
            both.theirs.accel_fifo_en = True
            both.theirs.fiforst = True
            both.theirs.fifo_en = True
        both.clock.sleep_ms(205)
        assert both.ours.level() == 20

    @pytest.mark.parametrize("celsius", [-40, 0, 25, 85])
    def test_both_give_the_temperature(self, celsius: float) -> None:
        both = Both("mpu6050")
        both.chip.temperature_c = celsius
        assert both.theirs.temperature == pytest.approx(celsius, abs=0.01)
        assert both.ours.temperature_c() == pytest.approx(both.theirs.temperature)

    def test_their_reset_puts_it_to_sleep(self) -> None:
        both = Both("mpu6050")
        both.ours.configure(500, 4, 4)
        both.ours.start()
        with blinka.passing(both.clock):
            both.theirs.reset()
        assert both.theirs.sleep and both.theirs._accel_range == 0 and not both.theirs.fifo_en
        assert both.sampled(100) == 0


@pytest.mark.parametrize("name", ["mpu6500", "mpu6886", "mpu9250"])
class TestMpu9250Jmdev:
    """Their driver asks for no id; the MPU-6500 is what is in an MPU-9250, and the MPU-6886 has its output registers."""

    @RANGES
    def test_both_drivers_give_the_acceleration_that_is_set(self, name: str, range_g: int) -> None:
        both = Both(name, range_g)
        both.clock.sleep_ms(100)
        assert both.theirs.readAccelerometerMaster() == pytest.approx(SET_G, abs=range_g / 30000)
        both.ours.configure(500, range_g, 4)
        both.ours.start()
        assert both.our_acceleration() == pytest.approx(np.array(SET_G) * G, abs=range_g * G / 30000)

    @RANGES
    def test_they_read_what_we_measure(self, name: str, range_g: int) -> None:
        both = Both(name, range_g)
        both.ours.configure(100, range_g, 4)
        both.ours.start()
        both.our_acceleration()
        assert both.theirs.readAccelerometerMaster() == pytest.approx(SET_G, abs=range_g / 30000)

    def test_they_set_the_chip_to_1_khz(self, name: str) -> None:
        assert Both(name).sampled(2000) == pytest.approx(2000, abs=40)

    @pytest.mark.parametrize("celsius", [-40, 0, 25, 85])
    def test_both_give_the_temperature(self, name: str, celsius: float) -> None:
        both = Both(name)
        both.chip.temperature_c = celsius
        assert both.ours.temperature_c() == pytest.approx(celsius, abs=0.01)
        if name != "mpu6886":  # another scale
            assert both.theirs.readTemperatureMaster() == pytest.approx(celsius, abs=0.01)

    def test_their_reset(self, name: str) -> None:
        both = Both(name)
        both.ours.configure(500, 4, 4)
        both.ours.start()
        with blinka.passing(both.clock):
            both.theirs.resetMPU9250Master()
        assert both.chip.registers[registers.ACCEL_CONFIG] == both.chip.registers[registers.FIFO_EN] == 0


# Their numbers stand for the codes of ACC_CONF.
BMA423_RATES = {12.5: bma423.BANDWIDTH_25_2, 25: bma423.BANDWIDTH_25, 50: bma423.BANDWIDTH_50, 100: bma423.BANDWIDTH_100,
                200: bma423.BANDWIDTH_200, 400: bma423.BANDWIDTH_400, 800: bma423.BANDWIDTH_800, 1600: bma423.BANDWIDTH_1600}


class TestMontoyasBma423:
    @RANGES
    def test_both_drivers_give_the_acceleration_that_is_set(self, range_g: int) -> None:
        both = Both("bma423")
        both.theirs.acc_range = CODES[range_g]
        both.clock.sleep_ms(100)
        assert both.theirs.acceleration == pytest.approx(SET_G, abs=range_g / 2000)
        both.ours.configure(400, range_g, 4)
        both.ours.start()
        assert both.our_acceleration() == pytest.approx(np.array(SET_G) * G, abs=range_g * G / 2000)

    @RANGES
    def test_they_understand_what_we_have_set(self, range_g: int) -> None:
        both = Both("bma423")
        assert set(BMA423_RATES) == set(both.ours.RATES_HZ)
        for rate_hz, code in BMA423_RATES.items():
            both.ours.configure(rate_hz, range_g, 4)
            assert not both.theirs._acc_on
            both.ours.start()
            assert both.theirs._acc_on
            assert both.theirs._output_data_rate == code
            assert both.theirs._acc_range == CODES[range_g]
            assert both.theirs.filter_performance == "CONT"

    def test_the_chip_samples_at_the_rate_that_they_set(self) -> None:
        both = Both("bma423")
        for rate_hz, code in BMA423_RATES.items():
            both.theirs.output_data_rate = code
            both.clock.sleep_ms(100)
            assert both.sampled(4000) == pytest.approx(4 * rate_hz, abs=1)

    @pytest.mark.parametrize("celsius", [-40, 0, 23, 85])
    def test_both_give_the_temperature(self, celsius: int) -> None:
        both = Both("bma423")
        both.chip.temperature_c = celsius
        with blinka.passing(both.clock):
            assert both.theirs.temperature == both.ours.temperature_c() == celsius

    def test_one_bus_for_both_drivers_by_turns(self) -> None:
        both = Both("bma423")
        both.ours.configure(400, 2, 4)
        both.ours.start()
        for _ in range(5):
            assert both.our_acceleration() == pytest.approx(np.array(SET_G) * G, abs=0.02)
            assert both.theirs._acc_range == 0


LINUX = "torvalds/linux drivers/iio/imu/inv_mpu6050/inv_mpu_iio.h"
KLIPPER = "Klipper3d/klipper klippy/extras/mpu9250.py"
PX4 = "PX4/PX4-Autopilot src/drivers/imu/invensense/mpu6500/InvenSense_MPU6500_registers.hpp"
PX4_20602 = "PX4/PX4-Autopilot src/drivers/imu/invensense/icm20602/InvenSense_ICM20602_registers.hpp"
M5 = "m5stack/M5StickC src/utility/MPU6886.cpp"
JONNOR = "jonnor/micropython-mpu6886 mpu6886.py"
MIKROE = "MikroElektronika/mikrosdk_click_v2 clicks/6dofimu4/lib_c6dofimu4/include/c6dofimu4.h"
JROWBERG = "jrowberg/i2cdevlib Arduino/MPU6050/MPU6050.h"
ZEPHYR = "zephyrproject-rtos/zephyr drivers/sensor/bosch/bma4xx/bma4xx_defs.h"
BOSCH = "boschsensortec/BMA456_SensorAPI bma4_defs.h, bma4.c"
ANTIREZ = "antirez/bma423-pure-mp bma423.py"

# our name of it -> value, two public drivers that have it too
MPU_FACTS = {
    "_SMPLRT_DIV": (0x19, LINUX, KLIPPER),
    "_CONFIG": (0x1A, LINUX, KLIPPER),
    "_ACCEL_CONFIG": (0x1C, LINUX, KLIPPER),
    "_ACCEL_CONFIG_2": (0x1D, LINUX, KLIPPER),
    "_SELF_TEST_X": (0x0D, JROWBERG, "adafruit_mpu6050.py"),
    "_MOT_THR": (0x1F, LINUX, JROWBERG),
    "_MOT_DUR": (0x20, JROWBERG, "UCSD-E4E/BBB_SACP src/MPU9150.h"),
    "_FIFO_EN": (0x23, LINUX, KLIPPER),
    "_INT_ENABLE": (0x38, LINUX, PX4),
    "_INT_STATUS": (0x3A, LINUX, M5),
    "_TEMP_OUT_H": (0x41, LINUX, PX4),
    "_USER_CTRL": (0x6A, LINUX, KLIPPER),
    "_PWR_MGMT_1": (0x6B, LINUX, KLIPPER),
    "_PWR_MGMT_2": (0x6C, LINUX, M5),
    "_FIFO_COUNTH": (0x72, LINUX, PX4),
    "_FIFO_WM_TH1": (0x60, PX4_20602, MIKROE),
    "_I2C_IF": (0x70, PX4_20602, LINUX),
}
MPU_BITS = {
    "_ACCEL": (0x08, LINUX, PX4),  # FIFO_EN
    "_OVERFLOW": (0x10, LINUX, JROWBERG),  # INT_STATUS
    "_MOTION": (0x40, LINUX, JROWBERG),
    "_MOTION_XYZ": (0xE0, LINUX, M5),
    "_FIFO_ON": (0x40, LINUX, PX4),
    "_FIFO_RESET": (0x04, LINUX, PX4),
    "_SLEEP": (0x40, LINUX, PX4),
    "_CYCLE": (0x20, M5, JONNOR),
    "_GYRO_OFF": (0x07, LINUX, M5),
}
# name -> id, bytes of the FIFO, bytes of a sample in it, digits per °C, °C at 0, two public drivers
MPU_KINDS = {
    "mpu6050": (0x68, 1024, 6, 340, 36.53, LINUX, "adafruit_mpu6050.py"),
    "mpu6500": (0x70, 512, 6, 333.87, 21, LINUX, PX4),
    "mpu9250": (0x71, 512, 6, 333.87, 21, LINUX, "mpu9250_jmdev"),
    "mpu6886": (0x19, 1008, 8, 326.8, 25, JONNOR, PX4_20602),
}
BMA_FACTS = {
    "_TEMPERATURE": (0x22, ZEPHYR, ANTIREZ),
    "_FIFO_LENGTH_0": (0x24, ZEPHYR, BOSCH),
    "_ACC_CONF": (0x40, ZEPHYR, ANTIREZ),
    "_ACC_RANGE": (0x41, ZEPHYR, ANTIREZ),
    "_FIFO_DOWNS": (0x45, ZEPHYR, BOSCH),
    "_FIFO_WTM_0": (0x46, ZEPHYR, BOSCH),
    "_FIFO_CONFIG_0": (0x48, ZEPHYR, BOSCH),
    "_FIFO_CONFIG_1": (0x49, ZEPHYR, BOSCH),
    "_INT1_IO_CTRL": (0x53, ZEPHYR, ANTIREZ),
    "_INT_MAP_DATA": (0x58, ZEPHYR, ANTIREZ),
    "_ACC_SELF_TEST": (0x6D, ZEPHYR, BOSCH),
    "_PWR_CONF": (0x7C, ZEPHYR, ANTIREZ),
    "_PWR_CTRL": (0x7D, ZEPHYR, ANTIREZ),
    "_CMD": (0x7E, ZEPHYR, ANTIREZ),
}
BMA_BITS = {
    "_ACC_ONLY": (0x40, ZEPHYR, BOSCH),
    "_OUTPUT_HIGH": (0x0A, ZEPHYR, ANTIREZ),
    "_INT1_WATERMARK": (0x02, ZEPHYR, ANTIREZ),
    "_FLUSH": (0xB0, ZEPHYR, BOSCH),
    "_ACC_ON": (0x04, ZEPHYR, ANTIREZ),
    "_POSITIVE": (0x0D, BOSCH, "the same for the BMA490L, BoschSensortec/BMA490L-Sensor-API"),
}


@pytest.mark.parametrize(("ours", "virtual", "addresses", "bits"), [
    (our_mpu6050, virtual_mpu6050, MPU_FACTS, MPU_BITS), (our_bma423, virtual_bma423, BMA_FACTS, BMA_BITS)])
def test_registers_are_those_of_two_public_drivers(ours: Any, virtual: Any, addresses: dict, bits: dict) -> None:
    for name, (value, first, second) in {**addresses, **bits}.items():
        assert getattr(ours, name) == value, (name, first, second)
        if name in addresses:
            assert getattr(virtual, name, value) == value, (name, first, second)


@pytest.mark.parametrize("name", sorted(MPU_KINDS))
def test_chips_are_those_of_two_public_drivers(name: str) -> None:
    identity, fifo_bytes, stride, per_degree, at_zero, *_ = MPU_KINDS[name]
    ours, virtual = driver(name), chip_class(name)
    assert ours.IDS[0] == virtual.WHO == identity
    assert ours.STRIDE == virtual.SAMPLE == stride
    assert ours.DEPTH == virtual.DEPTH == fifo_bytes // stride and fifo_bytes == virtual.FIFO_BYTES
    assert tuple(ours._DEGREES) == (per_degree, at_zero)
    assert ours.DATA == virtual.PORT == 0x74 and virtual.DATA == 0x3B


def test_bma423s_fifo_and_self_test_are_boschs() -> None:
    """bma4_defs.h: 0x26 and frames of 6 bytes; bma4.c, BMA42X_VARIANT: 8 g, amplitude high, 400, 800 and 400 mg."""
    ours = driver("bma423")
    assert ours.DATA == chip_class("bma423").PORT == 0x26 and ours.IDS == (0x13,)
    assert ours.SELF_TEST[1] == 8 and [least for least, _ in ours.SELF_TEST[3]] == [400, 800, 400]
