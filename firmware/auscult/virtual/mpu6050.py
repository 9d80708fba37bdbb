# SPDX-License-Identifier: Apache-2.0
"""Virtual MPU-6050, MPU-6500, MPU-9250 and MPU-6886 after InvenSense's RM-MPU-6000A-00 Rev. 4.2, RM-MPU-6500A-00 Rev. 2.1,
RM-MPU-9250A-00 Rev. 1.4 and DS-000193 Rev. 1.1: what a driver for acceleration streams can see.

Included: device id, sleep, reset, sample rate divider and filter codes, ranges, the FIFO by the byte (count, R/W port,
reset, overflow that tears the oldest sample or, with FIFO_MODE, refuses the newest), interrupt status, watermark of the
MPU-6886, output registers, temperature, factory values and response of the self-test, motion, I2C switched off.
Not included: gyroscope (its registers are 0), standby of single axes, magnetometer, DMP, slaves, free fall, FSYNC,
offsets, rates above those that the accelerometer has, at which a real FIFO repeats samples. Motion is the distance to
the first sample. The MPU-6500 and MPU-9250 are awake after power on, but here the recording waits until the first write
to a register that has to do with power or rate.
"""

from auscult.port import const
from auscult.sensors.unpack import swap
from auscult.virtual.registers import RegisterChip

_SELF_TEST_X = const(13)
_SMPLRT_DIV = const(25)
_CONFIG = const(26)
_ACCEL_CONFIG = const(28)
_ACCEL_CONFIG_2 = const(29)
_LP_ACCEL_ODR = const(30)
_MOT_THR = const(31)
_WOM_X_THR = const(32)
_FIFO_EN = const(35)
_INT_ENABLE = const(56)
_FIFO_WM_INT_STATUS = const(57)
_INT_STATUS = const(58)
_ACCEL_XOUT_H = const(59)
_TEMP_OUT_H = const(65)
_GYRO_ZOUT_L = const(72)
_FIFO_WM_TH1 = const(96)
_ACCEL_INTEL_CTRL = const(105)
_USER_CTRL = const(106)
_PWR_MGMT_1 = const(107)
_PWR_MGMT_2 = const(108)
_I2C_IF = const(112)
_FIFO_COUNTH = const(114)
_FIFO_R_W = const(116)
_WHO_AM_I = const(117)

_ENODEV = const(19)
_G_UM = 9806650
_WAKE_US = const(30000)  # PS-MPU-6500A-01, "Accelerometer Specifications": cold start


class MPU6050(RegisterChip):
    REGISTERS = 128
    ID = _WHO_AM_I
    DATA = 59
    PORT = 116
    FIFO_BYTES = 1024
    DEPTH = 170  # whole samples
    START_US = 2000  # after _WAKE_US, which drivers wait for: in it they set up the FIFO, and the recording is still whole
    WHO = 0x68
    POWER = 0x40  # PWR_MGMT_1 after reset: asleep
    TRIM = (0x5C, 0x7C, 0x9C, 0x1A)  # SELF_TEST_X to A: codes 13, 14 and 18 of 5 bits

    def reset(self):
        registers = self.registers
        for i in range(self.REGISTERS):
            registers[i] = 0
        registers[_WHO_AM_I] = self.WHO
        registers[_PWR_MGMT_1] = self.POWER
        for i in range(4):
            registers[_SELF_TEST_X + i] = self.TRIM[i]
        self._torn, self._status, self._latched = bytearray(6), 0, 0
        self._rate_set = 0
        self._format()

    # --- measuring

    def _rate(self):
        """Samples per 1000 s while awake (RM 4.2 and 4.3): 1 kHz at most."""
        registers = self.registers
        if registers[_PWR_MGMT_1] & 0x20:
            return (1250, 5000, 20000, 40000)[registers[_PWR_MGMT_2] >> 6]  # LP_WAKE_CTRL
        gyro_mhz = 8000000 if registers[_CONFIG] & 7 in (0, 7) else 1000000
        return min(1000000, gyro_mhz // (1 + registers[_SMPLRT_DIV]))

    def _run(self):
        """Measures as the registers say."""
        awake = not self.registers[_PWR_MGMT_1] & 0x40
        rate_mhz, before = self._rate() if awake else 0, self._rate_set
        if rate_mhz != before:
            self._rate_set = rate_mhz
            self._measure(0)
            self._measure(rate_mhz, 0 if before else _WAKE_US + self.START_US)

    def _format(self):
        """Range, self-test and unused axes."""
        config = self.registers[_ACCEL_CONFIG]
        range_mg = 2000 << (config >> 3 & 3)
        self.recording.suit(range_mg * _G_UM // 1000, 16, self.gain_ppm)
        offset = [0, 0, 0]
        for axis in range(3):
            if config & 0x80 >> axis:
                offset[axis] = int(self._response_mg(axis) * 32768 / range_mg)
        self.recording.offset = offset if any(offset) else None

    def _response_mg(self, axis):
        """RM 4.1: 4096 * 0.34 * (0.92 / 0.34) ** ((code - 1) / (2**5 - 2)) at 4096 digits per g."""
        trim = self.registers
        code = (trim[_SELF_TEST_X + axis] & 0xE0) >> 3 | trim[_SELF_TEST_X + 3] >> (4, 2, 0)[axis] & 3
        return 1000 * 0.34 * (0.92 / 0.34) ** ((code - 1) / 30)

    # --- FIFO

    def _depth(self):
        on = self.registers[_USER_CTRL] & 0x40 and self.registers[_FIFO_EN] & 8
        return self.FIFO_BYTES // self.SAMPLE if on else 1

    def _stops(self):
        return self.registers[_CONFIG] & 0x40  # FIFO_MODE

    def _arrive(self, level):
        if level > self._depth() > 1:
            self._status |= 0x10
        RegisterChip._arrive(self, level)
        if level:
            self._status |= 1

    def _drop(self):
        if self._threshold or self._depth() == 1:
            RegisterChip._drop(self)
            return
        # The bytes that had still room stay: the end of the sample that was overwritten.
        self.recording.next_into(self._torn, 0)
        self._pack(self._torn, self._part, 0)
        self._port_at = self.SAMPLE - self.FIFO_BYTES % self.SAMPLE

    def _flush(self):
        self.lost += self.level
        self._empty()
        self._port_at = self.SAMPLE

    def _bytes(self):
        if self._depth() == 1:
            return 0
        return self.level * self.SAMPLE + self.SAMPLE - self._port_at

    def _pack(self, sample, buf, at):
        for i in range(0, 6, 2):
            buf[at + i] = sample[i + 1]
            buf[at + i + 1] = sample[i]

    def _plain(self):
        return True  # _take_burst() does the rest

    def _take_burst(self, buf):
        if self.SAMPLE != 6 or not RegisterChip._take_burst(self, buf):
            return False
        swap(buf, len(buf) // 6)
        return True

    # --- registers

    def _thermometer(self):
        return int((100 * self.temperature_c - 3653) * 34 // 10)  # RM 4.18

    def _get(self, register):
        if register == _FIFO_COUNTH:
            self._latched = self._bytes()
            return self._latched >> 8
        if register == _FIFO_COUNTH + 1:
            return self._latched & 0xFF
        if register == _INT_STATUS:
            status, self._status = self._status | (self._moving() if self.motion else 0), 0
            self.motion = False
            return status
        if _TEMP_OUT_H <= register <= _TEMP_OUT_H + 1:
            return self._thermometer() >> (8 if register == _TEMP_OUT_H else 0) & 0xFF
        return self.registers[register]

    def _moving(self):
        """INT_STATUS after motion."""
        return 0x40

    def _set(self, register, value):
        registers = self.registers
        if register == _FIFO_R_W or register == _WHO_AM_I or _FIFO_WM_INT_STATUS <= register <= _GYRO_ZOUT_L:
            return  # read only, and writing to the FIFO
        if register == _PWR_MGMT_1 and value & 0x80:  # DEVICE_RESET
            self._measure(0)
            self._flush()
            self._watch(0)
            self.reset()
            return
        streams = self._depth() > 1
        registers[register] = value
        if register == _USER_CTRL and value & 4:
            registers[_USER_CTRL] &= 0xF8
            if not value & 0x40:
                self._flush()
        if (self._depth() > 1) != streams:  # what waits while the FIFO is off cannot be read, and the driver resets it
            if streams:
                self._flush()
            self._empty()
        if register in (_PWR_MGMT_1, _PWR_MGMT_2, _SMPLRT_DIV, _CONFIG, _ACCEL_CONFIG_2, _LP_ACCEL_ODR):
            self._run()
        if register == _ACCEL_CONFIG:
            self._format()
        if register == _INT_ENABLE:
            threshold_mg = self._threshold_mg()
            self._watch(threshold_mg * 32768 // (2000 << (registers[_ACCEL_CONFIG] >> 3 & 3)))

    def _threshold_mg(self):
        """Of motion; 0: not watching. Without high-pass filter there is none."""
        registers = self.registers
        return registers[_MOT_THR] * 32 if registers[_INT_ENABLE] & 0x40 and registers[_ACCEL_CONFIG] & 7 else 0

    def _after(self, register):
        return register if register == _FIFO_R_W else (register + 1) % self.REGISTERS

    def _spi_address(self, command):
        self._register = command & 0x7F

    def _i2c_off(self):
        return self.registers[_USER_CTRL] & 0x10

    def _acknowledge(self):
        RegisterChip._acknowledge(self)
        if self._i2c_off():
            raise OSError(_ENODEV)


class MPU6500(MPU6050):
    FIFO_BYTES = 512
    DEPTH = 85
    WHO = 0x70
    POWER = 0x01
    TRIM = (110, 95, 120, 0)

    def _rate(self):
        """RM-MPU-6500A-00 4.4, 4.8 and 4.9."""
        registers = self.registers
        if registers[_PWR_MGMT_1] & 0x20:
            return 500000 >> 11 - min(registers[_LP_ACCEL_ODR] & 15, 11)
        if registers[_ACCEL_CONFIG_2] & 8:
            return 4000000  # ACCEL_FCHOICE_B
        divides = registers[_CONFIG] & 7 not in (0, 7)
        return 1000000 // (1 + registers[_SMPLRT_DIV] if divides else 1)

    def _response_mg(self, axis):
        """AN-MPU-9250A-03: 2620 * 1.01 ** (code - 1) at 16384 digits per g."""
        return 2620 / 16.384 * 1.01 ** (self.registers[_SELF_TEST_X + axis] - 1)

    def _thermometer(self):
        return int((self.temperature_c - 21) * 33387 // 100)

    def _threshold_mg(self):
        registers = self.registers
        watches = registers[_INT_ENABLE] & 0x40 and registers[_ACCEL_INTEL_CTRL] & 0x80
        return registers[_MOT_THR] * 4 if watches else 0


class MPU9250(MPU6500):
    WHO = 0x71


class MPU6886(MPU6500):
    """Its samples in the FIFO are followed by the temperature."""

    SAMPLE = 8
    FIFO_BYTES = 1008  # what Linux and PX4 found in its sister ICM-20602; the data sheet says 1 kB
    DEPTH = 126
    WHO = 0x19
    POWER = 0x41
    TRIM = (125, 130, 101, 0)

    def reset(self):
        MPU6500.reset(self)
        self.registers[_CONFIG] = 0x80  # has to be cleared before the watermark is used

    def _rate(self):
        registers = self.registers
        if registers[_PWR_MGMT_1] & 0x20:
            return 1000000 // (1 + registers[_SMPLRT_DIV])
        return MPU6500._rate(self)

    def _pack(self, sample, buf, at):
        MPU6500._pack(self, sample, buf, at)
        limit = 0 if self.registers[_ACCEL_INTEL_CTRL] & 2 else 1  # OUTPUT_LIMIT: without it 0x7FFF is not reached
        for i in range(at, at + 6, 2):
            if limit and buf[i] == 0x7F and buf[i + 1] == 0xFF:
                buf[i + 1] = 0xFE
        warm = self._thermometer()
        buf[at + 6], buf[at + 7] = warm >> 8 & 0xFF, warm & 0xFF

    def _thermometer(self):
        return int((self.temperature_c - 25) * 3268 // 10)

    def _watermark(self):
        registers = self.registers
        if registers[_CONFIG] & 0x80:
            return 0
        mark = (registers[_FIFO_WM_TH1] & 3) << 8 | registers[_FIFO_WM_TH1 + 1]
        return (mark + self.SAMPLE - 1) // self.SAMPLE

    def _get(self, register):
        if register == _FIFO_WM_INT_STATUS:
            return 0x40 if 0 < self._watermark() <= self.level else 0
        return MPU6500._get(self, register)

    def _moving(self):
        return 0xE0

    def _threshold_mg(self):
        registers = self.registers
        watches = registers[_INT_ENABLE] & 0xE0 and registers[_ACCEL_INTEL_CTRL] & 0x80
        return registers[_WOM_X_THR] * 4 if watches else 0

    def _i2c_off(self):
        return self.registers[_I2C_IF] & 0x40
