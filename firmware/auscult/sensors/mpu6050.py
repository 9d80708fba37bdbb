# SPDX-License-Identifier: Apache-2.0
"""InvenSense MPU-6050 (I2C), MPU-6500, MPU-9250/9255 and MPU-6886 (I2C or SPI): their accelerometers, ±2 to ±16 g, 512 to
1024-byte FIFO.

Facts from InvenSense: RM is "MPU-6000/MPU-6050 Register Map and Descriptions" Rev. 4.2 and PS its "Product Specification"
Rev. 3.4; RM6500, PS6500 the MPU-6500's (Rev. 2.1 and 1.1); RM9250 the MPU-9250's (Rev. 1.4); DS6886 is DS-000193 Rev. 1.1.
PS6500's numbers were compared with the MPU-9250's Product Specification Rev. 1.1, sections 3.2, 3.4 and 4.17: it has the
same accelerometer.

A word is a 16-bit digit: 32768 is the range itself. Above 1 kHz the FIFO repeats samples, so 1000 Hz is the most.
The gyroscope stays off, and with it the PLL: the rate is that of the internal oscillator.

An overflow loses the oldest bytes (RM 4.31), not samples, and 1024 is no multiple of 6: what is left begins
inside a sample. So the driver empties the FIFO, counts the overrun and goes on with the next sample. Of these chips
only the MPU-6886 has a watermark interrupt.
"""

from auscult import port
from auscult.port import const
from auscult.sensors.accelerometer import Accelerometer
from auscult.sensors.bus import SPIBus
from auscult.sensors.unpack import swap, swap_four

_SELF_TEST_X = const(0x0D)  # RM, section 3 for all of these
_SMPLRT_DIV = const(0x19)
_CONFIG = const(0x1A)
_ACCEL_CONFIG = const(0x1C)
_MOT_THR = const(0x1F)
_MOT_DUR = const(0x20)
_FIFO_EN = const(0x23)
_INT_PIN_CFG = const(0x37)
_INT_ENABLE = const(0x38)
_INT_STATUS = const(0x3A)
_TEMP_OUT_H = const(0x41)
_MOT_DETECT_CTRL = const(0x69)
_USER_CTRL = const(0x6A)
_PWR_MGMT_1 = const(0x6B)
_PWR_MGMT_2 = const(0x6C)
_FIFO_COUNTH = const(0x72)

_ACCEL_CONFIG_2 = const(0x1D)  # from the MPU-6500 on: RM6500, section 3
_LP_ACCEL_ODR = const(0x1E)

_ACCEL_WOM_X_THR = const(0x20)  # MPU-6886: DS6886, register map
_FIFO_WM_TH1 = const(0x60)
_I2C_IF = const(0x70)

_TEST_XYZ = const(0xE0)  # ACCEL_CONFIG: XA_ST, YA_ST, ZA_ST; AFS_SEL in bits 4..3
_HPF_5HZ = const(0x01)  # ACCEL_CONFIG: ACCEL_HPF
_HPF_HOLD = const(0x07)
_ACCEL = const(0x08)  # FIFO_EN
_HOLD_UNTIL_READ = const(0x20)  # INT_PIN_CFG: LATCH_INT_EN, active high, push-pull; until INT_STATUS has been read
_ANY_READ = const(0x10)  # INT_PIN_CFG: INT_RD_CLEAR, or until any register has been read
_OVERFLOW = const(0x10)  # INT_ENABLE, INT_STATUS: FIFO_OFLOW
_MOTION = const(0x40)  # MOT_EN, MOT_INT; from the MPU-6500 on WOM_EN, WOM_INT
_MOTION_XYZ = const(0xE0)  # the MPU-6886's, by axis
_FIFO_ON = const(0x40)  # USER_CTRL
_FIFO_RESET = const(0x04)
_SLEEP = const(0x40)  # PWR_MGMT_1
_CYCLE = const(0x20)
_GYRO_OFF = const(0x07)  # PWR_MGMT_2: STBY_XG, YG, ZG; XA, YA, ZA in bits 5..3
_START_MS = const(30)  # PS6500, "Accelerometer Specifications": cold start; until then what comes means nothing


class MPU6050(Accelerometer):
    """See `auscult.sensors` for the interface."""

    NAME = "MPU6050"
    ADDRESSES = (0x68, 0x69)  # PS 6.4: AD0 low, high
    ID_REGISTER, IDS = 0x75, (0x68,)  # RM 4.32
    FIFO_BYTES = 1024  # PS 7.17
    DEPTH = 170
    DATA = 0x74  # FIFO_R_W
    RATES_HZ = (10, 25, 50, 100, 125, 200, 250, 500, 1000)
    # RM 4.3, accelerometer bandwidth: codes 0 to 6 are 260, 184, 94, 44, 21, 10 and 5 Hz.
    _DLPF = (6, 5, 4, 3, 3, 2, 2, 1, 0)
    RANGES_G = (2, 4, 8, 16)
    NOISE_UG = 400  # PS 6.2
    BANDWIDTH = 0.4  # 0.26 at 1000 Hz to 0.5 at 10 Hz
    SPI_HZ = 0
    WATERMARK_LINE = False
    SELF_TEST = (250, 8, 50, None)  # RM 4.1: ±8 g; the limits are each chip's own

    _SPI_ONLY = 0x10  # USER_CTRL: I2C_IF_DIS
    _DEGREES = (340, 36.53)  # RM 4.18: digits per °C, °C at 0

    def __init__(self, bus, clock=port):
        self._count = bytearray(2)
        self._user_ctrl = self._SPI_ONLY if isinstance(bus, SPIBus) else 0
        Accelerometer.__init__(self, bus, clock)

    def _configure(self):
        write, code = self._bus.write, self._DLPF[self.RATES_HZ.index(self.rate_hz)]
        write(_CONFIG, code)
        write(_SMPLRT_DIV, (1000 if code else 8000) // self.rate_hz - 1)  # RM 4.2: code 0 divides 8 kHz
        self._excite(False)
        write(_PWR_MGMT_2, self._standby())

    def _standby(self):
        """PWR_MGMT_2 with gyroscopes and unused axes off."""
        return _GYRO_OFF | sum([0x20 >> axis for axis in range(3) if "xyz"[axis] not in self.axes])

    def start(self):
        """Empties the FIFO and measures."""
        self._bus.write(_PWR_MGMT_1, 0)
        self._clock.sleep_ms(_START_MS)
        self._bus.write(_INT_ENABLE, _OVERFLOW)
        self._bus.write(_FIFO_EN, _ACCEL)
        self._empty()

    def stop(self):
        self._bus.write(_FIFO_EN, 0)
        self._bus.write(_INT_ENABLE, 0)
        self._bus.write(_USER_CTRL, self._user_ctrl)
        self._bus.write(_PWR_MGMT_1, _SLEEP)

    def _empty(self):
        """RM 4.27: FIFO_RESET works while FIFO_EN is 0."""
        self._bus.write(_USER_CTRL, self._user_ctrl)
        self._bus.write(_USER_CTRL, self._user_ctrl | _FIFO_RESET)
        self._bus.write(_USER_CTRL, self._user_ctrl | _FIFO_ON)
        self._bus.read(_INT_STATUS)  # clears the overflow

    def level(self):
        """Samples waiting in the FIFO."""
        count = self._bytes()
        if count % self.STRIDE:  # perhaps one is just being written
            count = self._bytes()
        # An overflow leaves all bytes full: 1024 or 512 are no multiple of 6. The flag tells where they are one of 8.
        if count % self.STRIDE or count // self.STRIDE >= self.DEPTH and self._bus.read(_INT_STATUS) & _OVERFLOW:
            self.overruns += 1
            self._empty()
            return 0
        return count // self.STRIDE

    def _bytes(self):
        count = self._count
        self._bus.read_into(_FIFO_COUNTH, count)
        n = count[0] << 8 | count[1]
        if n > self.FIFO_BYTES:  # an open SPI line reads as ones
            raise self._bus.nonsense()
        return n

    def _burst(self, block, n):
        self._bus.read_into(self.DATA, block.raw[n])
        swap(block.data, n)

    def temperature_c(self):
        """Die temperature in °C, while measuring."""
        word = bytearray(2)
        self._bus.read_into(_TEMP_OUT_H, word)
        per_degree, at_zero = self._DEGREES
        return ((word[0] << 8 | word[1]) - (0x10000 if word[0] & 0x80 else 0)) / per_degree + at_zero

    # --- self-test: the chip holds the response that it had in the factory

    def self_test(self):
        codes = bytearray(4)
        self._bus.read_into(_SELF_TEST_X, codes)
        self.SELF_TEST = self.SELF_TEST[:3] + (self._limits(codes),)
        return Accelerometer.self_test(self)

    def _limits(self, codes):
        """RM 4.1: 0.34 g * (0.92/0.34)**((code - 1) / 30), and PS 6.2: ±14 % of it. The codes' upper three bits lead the
        first three registers, the lower two are in the fourth."""
        limits = []
        for axis in range(3):
            code = codes[axis] >> 3 & 0x1C | codes[3] >> 4 - 2 * axis & 3
            if not code:
                raise self._bus.error("it holds no factory value for the self-test")
            mg = 340 * (0.92 / 0.34) ** ((code - 1) / 30)
            limits.append((int(0.86 * mg), int(1.14 * mg) + 1))
        return limits

    def _excite(self, on):
        self._bus.write(_ACCEL_CONFIG, (_TEST_XYZ if on else 0) | self.RANGES_G.index(self.range_g) << 3)

    # --- motion

    def wake_on_motion(self, threshold_g):
        """Watches at 20 Hz with 70 µA (PS 6.3) and raises INT when an axis is further than threshold_g from where it is
        now, until moved() has been asked. configure() ends it. RM 4.2 does without these registers; older ones, and PS
        up to Rev. 3.2, section 8.3, describe them."""
        self.stop()
        write = self._bus.write
        write(_PWR_MGMT_2, _GYRO_OFF)
        write(_PWR_MGMT_1, 0)
        write(_ACCEL_CONFIG, _HPF_5HZ)  # ±2 g
        self._clock.sleep_ms(_START_MS)
        write(_ACCEL_CONFIG, _HPF_HOLD)  # "holds the present sample": what follows is the difference to it
        write(_INT_PIN_CFG, _HOLD_UNTIL_READ)
        write(_MOT_THR, min(255, max(1, round(threshold_g / 0.032))))  # PS 6.2: 32 mg a digit
        write(_MOT_DUR, 1)  # ms
        self._bus.read(_INT_STATUS)
        write(_INT_ENABLE, _MOTION)
        write(_PWR_MGMT_2, 0x80 | _GYRO_OFF)  # RM 4.29: LP_WAKE_CTRL 2 is 20 Hz
        write(_PWR_MGMT_1, _CYCLE)

    def moved(self):
        """Whether there was motion since wake_on_motion() or the last question."""
        return bool(self._bus.read(_INT_STATUS) & _MOTION)


class MPU6500(MPU6050):
    """As the MPU-6050, with an accelerometer filter of its own."""

    NAME = "MPU6500"
    IDS = (0x70,)
    FIFO_BYTES = 512  # PS6500 4.17
    DEPTH = 85
    # RM6500 4.8, codes 1 to 7: 184, 92, 41, 20, 10, 5 and 460 Hz
    _DLPF = (6, 5, 4, 3, 3, 2, 2, 1, 7)
    NOISE_UG = 300  # PS6500, "Accelerometer Specifications"
    BANDWIDTH = 0.4  # 0.33 at 125 Hz to 0.5 at 10 Hz
    SPI_HZ = 1000000  # PS6500, "Other Electrical Specifications": 20 MHz for sensor data and interrupts only
    SELF_TEST = (250, 2, 50, None)  # AN-MPU-9250A-03, section 3: ±2 g, 92 Hz
    _DEGREES = (333.87, 21)  # PS6500, "A.C. Electrical Characteristics"

    def _configure(self):
        write = self._bus.write
        write(_CONFIG, 1)  # RM6500 4.4: the divider works on the 1 kHz that codes 1 to 6 give
        write(_ACCEL_CONFIG_2, self._DLPF[self.RATES_HZ.index(self.rate_hz)])
        write(_SMPLRT_DIV, 1000 // self.rate_hz - 1)
        write(_MOT_DETECT_CTRL, 0)
        self._excite(False)
        write(_PWR_MGMT_2, self._standby())

    def _limits(self, codes):
        """AN-MPU-9250A-03, section 3: half to one and a half of 2620 digits * 1.01**(code - 1) at 16384 digits per g; of a
        chip without codes 225 to 675 mg."""
        limits = []
        for code in codes[:3]:
            mg = 2620 * 1000 / 16384 * 1.01 ** (code - 1)
            limits.append((int(mg / 2), int(1.5 * mg) + 1) if code else (225, 675))
        return limits

    def wake_on_motion(self, threshold_g):
        """Watches at 15.63 Hz and raises INT when an axis is further than threshold_g from the sample before,
        until moved() has been asked. configure() ends it."""
        self._watch(threshold_g)
        self._bus.write(_MOT_THR, self._digits(threshold_g))  # WOM_THR
        self._bus.write(_LP_ACCEL_ODR, 6)  # RM6500 4.9
        self._bus.write(_INT_ENABLE, _MOTION)
        self._bus.write(_PWR_MGMT_1, _CYCLE)

    def _watch(self, threshold_g):
        """RM6500 and PS6500, "Wake-on-Motion Interrupt"."""
        self.stop()
        write = self._bus.write
        write(_PWR_MGMT_2, _GYRO_OFF)
        write(_PWR_MGMT_1, 0)
        write(_ACCEL_CONFIG, 0)
        write(_ACCEL_CONFIG_2, 1)
        write(_INT_PIN_CFG, _HOLD_UNTIL_READ)
        write(_MOT_DETECT_CTRL, 0xC0)  # ACCEL_INTEL_EN, ACCEL_INTEL_MODE: compare with the sample before
        self._bus.read(_INT_STATUS)

    def _digits(self, threshold_g):
        return min(255, max(1, round(threshold_g / 0.004)))  # RM6500 4.10: 4 mg a digit


class MPU9250(MPU6500):
    """The MPU-6500 with a magnetometer, which stays off. The MPU-9255 is the same."""

    NAME = "MPU9250"
    IDS = (0x71, 0x73)
    BANDWIDTH = 0.4  # RM9250 4.8: 218, 99, 45, 21, 10, 5 and 420 Hz


class MPU6886(MPU6500):
    """The accelerometer of M5Stack's boards. Its FIFO puts the temperature behind each sample."""

    NAME = "MPU6886"
    IDS = (0x19,)
    FIFO_BYTES = 1024  # DS6886, page 1: 1 kB; the last 16 bytes are not used by its sister ICM-20602
    STRIDE = 8  # DS6886, FIFO_EN: ACCEL_FIFO_EN writes ACCEL_XOUT_H to TEMP_OUT_L
    DEPTH = 126
    NOISE_UG = 100  # DS6886, page 1
    SPI_HZ = 10000000  # DS6886, page 1
    WATERMARK_LINE = True
    _SPI_ONLY = 0  # in I2C_IF instead
    _DEGREES = (326.8, 25)  # DS6886, "A.C. Electrical Characteristics"

    def _configure(self):
        MPU6500._configure(self)
        write, mark = self._bus.write, self.STRIDE * self.watermark
        write(_MOT_DETECT_CTRL, 0x02)  # OUTPUT_LIMIT: "to avoid limiting sensor output to less than 0x7FFF, set"
        write(_INT_PIN_CFG, _HOLD_UNTIL_READ | _ANY_READ)
        write(_FIFO_WM_TH1, mark >> 8)  # in bytes
        write(_FIFO_WM_TH1 + 1, mark & 0xFF)
        if isinstance(self._bus, SPIBus):
            write(_I2C_IF, 0x40)  # I2C_IF_DIS

    def _burst(self, block, n):
        self._bus.read_into(self.DATA, block.raw[n])
        swap_four(block.data, n)

    def wake_on_motion(self, threshold_g):
        """Watches at 20 Hz and raises INT when an axis is further than threshold_g from the sample before, until moved()
        has been asked (DS6886 5.1). configure() ends it."""
        self._watch(threshold_g)
        for axis in range(3):
            self._bus.write(_ACCEL_WOM_X_THR + axis, self._digits(threshold_g))
        self._bus.write(_FIFO_WM_TH1 + 1, 0)
        self._bus.write(_FIFO_WM_TH1, 0)
        self._bus.write(_SMPLRT_DIV, 49)
        self._bus.write(_INT_ENABLE, _MOTION_XYZ)
        self._bus.write(_PWR_MGMT_1, _CYCLE)

    def moved(self):
        """Whether there was motion since wake_on_motion() or the last question."""
        return bool(self._bus.read(_INT_STATUS) & _MOTION_XYZ)
