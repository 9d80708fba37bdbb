# SPDX-License-Identifier: Apache-2.0
"""A virtual IIS3DWB after ST's data sheet DS12569 Rev 7: what a driver for acceleration streams can see. As the virtual
LSM6DSO, with one data rate and without a gyroscope; SPI alone. Its samples are valid at once, where those of a real one are
only after the turn-on time of 10 ms (table 4).
"""

from auscult.virtual.lsm6dso import LSM6DSO


class IIS3DWB(LSM6DSO):
    WHO_AM_I = 0x7B
    TYPICAL_TEST_MG = (1700, 1500, 2100)  # table 3 gives limits only: 800 to 3200

    def reset(self):
        LSM6DSO.reset(self)
        self.registers[0x18] = 0  # reserved

    def _rate_mhz_of(self, control):
        """CTRL1_XL: XL_EN = 101 measures, 000 does not; nothing else is defined."""
        return 26667000 if control & 0xE0 == 0xA0 else 0

    def _batches(self):
        """FIFO_CTRL3: BDR_XL = 1010 stores every sample, 0000 none."""
        return LSM6DSO._batches(self) == 0x0A
