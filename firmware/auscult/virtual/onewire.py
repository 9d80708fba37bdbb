# SPDX-License-Identifier: Apache-2.0
"""A virtual 1-Wire bus with the methods of MicroPython's onewire.OneWire. Several chips pull one line: a bit is 1 if all
let it be.

    wire = OneWire(DS18B20(rom=...), DS18B20(rom=...))      # wire.chips may be changed later
    wire.stuck = True                                       # somebody holds the line low
"""


class OneWireError(Exception):
    pass


class OneWire:
    def __init__(self, *chips):
        self.chips = list(chips)
        self.stuck = False

    def __repr__(self):
        return "OneWire(virtual)"

    def reset(self, required=False):
        """True if somebody answers the reset pulse. A line that is held low looks like an answer."""
        present = self.stuck
        for chip in self.chips:
            present = chip.presence() or present
        if required and not present:
            raise OneWireError
        return present

    def readbit(self):
        bit = 1
        for chip in self.chips:
            bit &= chip.read_bit()
        return 0 if self.stuck else bit

    def writebit(self, bit):
        for chip in self.chips:
            chip.write_bit(0 if self.stuck else bit)

    def readbyte(self):
        byte = 0
        for i in range(8):
            byte |= self.readbit() << i
        return byte

    def writebyte(self, byte):
        for i in range(8):
            self.writebit(byte >> i & 1)

    def readinto(self, buf):
        for i in range(len(buf)):
            buf[i] = self.readbyte()

    def write(self, buf):
        for byte in buf:
            self.writebyte(byte)

    def select_rom(self, rom):
        self.reset()
        self.writebyte(0x55)
        self.write(rom)

    def scan(self):
        """ROM codes of all chips, found as a real bus does: bit by bit, where two differ the 1 first."""
        found, branches = [], [()]
        while branches:
            rom = list(branches.pop())
            if not self.reset():
                break
            self.writebyte(0xF0)
            for i in range(64):
                bit, inverse = self.readbit(), self.readbit()
                if bit and inverse:
                    break  # nobody is left
                if i < len(rom):
                    bit = rom[i]
                else:
                    if not bit and not inverse:
                        branches.append(tuple(rom) + (0,))
                        bit = 1
                    rom.append(bit)
                self.writebit(bit)
            else:
                found.append(bytes([sum([rom[8 * byte + i] << i for i in range(8)]) for byte in range(8)]))
        return found
