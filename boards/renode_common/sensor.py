# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: F821, PLW0604, PLE0118
"""A memory-mapped accelerometer with a FIFO for Renode; it plays a recording that lies in the machine's memory.

Renode runs this file once for each access (IronPython, no standard library); `request` and `self` are Renode's.
feed.py is its driver.

 0x00 ID       0x41434331
 0x04 CONTROL  write 1: start at sample 0; write 0: stop
 0x08 RATE     samples per second of virtual time
 0x0C COUNT    samples waiting in the FIFO
 0x10 STATUS   bit 0 overrun (write 1 to clear), bit 1 recording at its end
 0x1C LOST     samples lost to overruns
 0x20 TARGET   address that BLOCK writes to
 0x24 BLOCK    write n: move up to n samples, int16 x, y, z little endian, to TARGET; reads back how many
 0x28 SOURCE   address of the recording (set by the test)
 0x2C TOTAL    samples in the recording (set by the test)
 0x30 INSNS    instructions the processor has executed, low 32 bits
"""

if request.IsInit:
    import Antmicro.Renode.Peripherals
    import clr
    clr.ImportExtensions(Antmicro.Renode.Peripherals)

    DEPTH = 512
    source = 0
    total = 0
    rate = 1600
    running = 0
    begin = 0.0
    taken = 0
    lost = 0
    overrun = 0
    target = 0
    moved = 0

    def now():
        return self.GetMachine().ElapsedVirtualTime.TimeElapsed.TotalMicroseconds

    def waiting():
        global taken, lost, overrun
        if not running:
            return 0
        produced = min(int((now() - begin) * rate / 1000000), total)
        if produced - taken > DEPTH:
            lost += produced - taken - DEPTH
            taken = produced - DEPTH
            overrun = 1
        return produced - taken

elif request.IsRead:
    o = request.Offset
    v = 0
    if o == 0x00:
        v = 0x41434331
    elif o == 0x04:
        v = running
    elif o == 0x08:
        v = rate
    elif o == 0x0C:
        v = waiting()
    elif o == 0x10:
        n = waiting()
        v = overrun | (2 if running and taken + n >= total else 0)
    elif o == 0x1C:
        v = lost
    elif o == 0x20:
        v = target
    elif o == 0x24:
        v = moved
    elif o == 0x28:
        v = source
    elif o == 0x2C:
        v = total
    elif o == 0x30:
        v = self.GetMachine()["sysbus.cpu"].ExecutedInstructions & 0xFFFFFFFF
    request.Value = v

elif request.IsWrite:
    o = request.Offset
    v = int(request.Value)
    if o == 0x04:
        running = 1 if v else 0
        begin = now()
        taken = lost = overrun = 0
    elif o == 0x08:
        rate = v or 1
    elif o == 0x10:
        if v & 1:
            overrun = 0
    elif o == 0x20:
        target = v
    elif o == 0x24:
        moved = min(v, waiting())
        if moved:
            bus = self.GetMachine().SystemBus
            bus.WriteBytes(bus.ReadBytes(source + taken * 6, moved * 6), target)
            taken += moved
    elif o == 0x28:
        source = v
    elif o == 0x2C:
        total = v
