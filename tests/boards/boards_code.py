# SPDX-License-Identifier: Apache-2.0
"""What several tests start with: the boards, and device code."""

BOARDS = ["sim_m0", "sim_m3", "sim_m4", "sim_m7", "sim_rv32"]

# A chip on I2C whose alarm pulses pin 5, and a handler that counts the pulses in fired[0].
CHIP_WITH_ALARM = """
import machine, simboard, time
class Chip:
    def tick(self):
        simboard.drive(5, 1)
        simboard.drive(5, 0)
chip = Chip()
slot = simboard.attach_i2c(0, 0x1d, chip)
fired = [0]
def handler(pin):
    fired[0] += 1
pin = machine.Pin(5, machine.Pin.IN)
pin.irq(handler, machine.Pin.IRQ_RISING)
"""
