# SPDX-License-Identifier: Apache-2.0
"""A virtual DS18B20 after Maxim's data sheet REV 042208, bit by bit, for `virtual.onewire`: all ROM commands but the
alarm search, all functions, resolutions, EEPROM, parasite power."""

from auscult.port import const
from auscult.virtual.slow import SlowChip

_CONVERSION_US = (93750, 187500, 375000, 750000)  # Table 2

# what the chip does with the next bits
_IDLE = const(0)  # until the next reset pulse
_ROM_COMMAND = const(1)
_MATCH = const(2)
_SEARCH = const(3)
_SEND_ROM = const(4)
_FUNCTION = const(5)
_SEND = const(6)  # the scratchpad
_RECEIVE = const(7)
_STATUS = const(8)  # of a conversion, or the kind of power

_AFTER_ROM_COMMAND = {0x33: _SEND_ROM, 0x55: _MATCH, 0xCC: _FUNCTION, 0xF0: _SEARCH}
_AFTER_FUNCTION = {0xBE: _SEND, 0x4E: _RECEIVE, 0x44: _STATUS, 0xB4: _STATUS, 0x48: _STATUS, 0xB8: _STATUS}


def _crc8(data, n):
    crc = 0
    for i in range(8 * n):
        feedback = (crc ^ data[i >> 3] >> (i & 7)) & 1
        crc = crc >> 1 ^ (0x8C if feedback else 0)
    return crc


class DS18B20(SlowChip):
    """serial: bytes 1 to 6 of the ROM code; family: byte 0."""

    def __init__(self, *args, **quantities):
        serial = quantities.pop("serial", b"\x01\x02\x03\x04\x05\x06")
        family = quantities.pop("family", 0x28)
        rom = bytes([family]) + serial
        self.rom = rom + bytes([_crc8(rom, 7)])
        self.parasite = False
        self.eeprom = bytearray(b"\x4b\x46\x7f")  # typical of a new one
        SlowChip.__init__(self, *args, **quantities)

    def reset(self):
        # Section "Memory": 85 °C; the alarm limits and the configuration come from the EEPROM
        self.scratchpad = bytearray(b"\x50\x05\x00\x00\x00\xff\x0c\x10\x00")
        self._recall()
        self._state, self._at, self._byte = _IDLE, 0, 0
        self._converting, self._raw = False, 0

    def _recall(self):
        for i in range(3):
            self.scratchpad[2 + i] = self.eeprom[i]

    def _convert(self):
        bits = self.scratchpad[4] >> 5 & 3
        coarse = 3 - bits
        raw = int(self.now("temperature_c") * 16 // (1 << coarse)) << coarse
        self._raw = max(-880, min(2000, raw)) & 0xFFFF
        self._converting = True
        self.conversion.start(_CONVERSION_US[bits])

    def _finish(self):
        if self._converting and not self.conversion.left_us():
            self._converting = False
            self.scratchpad[0], self.scratchpad[1] = self._raw & 0xFF, self._raw >> 8
        return not self._converting

    # --- the line

    def presence(self):
        """Answers a reset pulse."""
        if not self.present:
            return False
        if self.nack:
            self.nack -= 1
            self._state = _IDLE
            return False
        self._finish()
        self._state, self._at, self._byte = _ROM_COMMAND, 0, 0
        return True

    def write_bit(self, bit):
        if not self.present:
            return
        state, at = self._state, self._at
        self._at = at + 1
        if state == _MATCH:
            if bit != self.rom[at >> 3] >> (at & 7) & 1:
                self._state = _IDLE
            elif at == 63:
                self._expect(_FUNCTION)
        elif state == _SEARCH:
            i = at // 3
            if bit != self.rom[i >> 3] >> (i & 7) & 1:
                self._state = _IDLE
            elif i == 63:
                self._expect(_FUNCTION)
        elif state == _ROM_COMMAND or state == _FUNCTION or state == _RECEIVE:
            self._byte |= bit << (at & 7)
            if at & 7 == 7:
                byte, self._byte = self._byte, 0
                self._take(byte, at >> 3)

    def _expect(self, state):
        self._state, self._at, self._byte = state, 0, 0

    def _take(self, byte, index):
        if self._state == _RECEIVE:
            # Figure 8: bit 7 of the configuration is 0, bits 0 to 4 are 1
            self.scratchpad[2 + index] = byte if index < 2 else byte & 0x60 | 0x1F
            if index == 2:
                self._expect(_IDLE)
        elif self._state == _ROM_COMMAND:
            self._expect(_AFTER_ROM_COMMAND.get(byte, _IDLE))
        else:
            self._status = 1
            if byte == 0x44:
                self._convert()
                self._status = 0
            elif byte == 0xB4:
                self._status = 0 if self.parasite else 1
            elif byte == 0x48:
                for i in range(3):
                    self.eeprom[i] = self.scratchpad[2 + i]
            elif byte == 0xB8:
                self._recall()
            elif byte == 0xBE:
                self.scratchpad[8] = _crc8(self.scratchpad, 8)
            self._function = byte
            self._expect(_AFTER_FUNCTION.get(byte, _IDLE))

    def read_bit(self):
        if not self.present:
            return 1
        state, at = self._state, self._at
        self._at = at + 1
        if state == _SEARCH:
            i = at // 3
            return self.rom[i >> 3] >> (i & 7) & 1 ^ at % 3
        if state == _SEND_ROM and at < 64:
            if at == 63:
                self._expect(_FUNCTION)
            return self._bit(self.rom, at)
        if state == _SEND and at < 72:
            return self._bit(self.scratchpad, at)
        if state == _STATUS:
            if self._function == 0x44:
                return 1 if self._finish() else 0
            return self._status
        return 1

    def _bit(self, data, at):
        byte = data[at >> 3]
        if self.flip is not None and self.flip[0] == at >> 3:
            byte ^= self.flip[1]
        return byte >> (at & 7) & 1
