# SPDX-License-Identifier: Apache-2.0
"""IIS3DWB vibration sensor, ±2 to ±16 g, three axes at 26.667 kHz, 512-word FIFO, SPI. Facts from ST's data sheet DS12569
Rev 7. Its registers are those of the LSM6DSO's accelerometer but for the ones named here, so it needs that file.
"""

from auscult.sensors.lsm6dso import LSM6DSO


class IIS3DWB(LSM6DSO):
    """See `auscult.sensors` for the interface."""

    NAME = "IIS3DWB"
    ADDRESSES = ()  # "Features": SPI. I2C at 1 MHz would carry half of what it measures
    IDS = (0x7B,)
    RATES_HZ = (26667,)
    _ODR = (0xA,)  # CTRL1_XL: XL_EN = 101 in bits 7..5
    _BDR = (0xA,)  # FIFO_CTRL3: BDR_XL = 1010
    NOISE_UG = 75  # table 3, three axes: x and y; z 110
    BANDWIDTH = 6300 / 26667  # table 3: typical, within 3 dB; at least 5 kHz
    SELF_TEST = (26667, 4, 100, ((800, 3200),) * 3)  # table 3; time as in ST's own example
    _CONF = 0  # there is no CTRL9_XL
    # CTRL1_XL, CTRL6_C, CTRL8_XL and SLOPE_EN of wake_on_motion(): there is one mode, 1.1 mA; high-pass at an 800th of the
    # rate, 33 Hz; latched, filtered by the high-pass
    _WATCH = bytes((0xA0, 0, 7 << 5, 0x11))
