// SPDX-License-Identifier: Apache-2.0
// An I2C controller with the STM32F4 register layout, for software that polls.
//
// Renode 1.16.1's own STM32F4_I2C takes one byte from a sensor per transfer
// and never ends a transfer for the sensor, so drivers that read several
// bytes, or talk to a sensor twice, do not work with it. This one asks the
// sensor for each byte as it is read and ends each transfer.
//
// A LIS2DW12 that is read on after its last data register goes back to the
// first one, so that one burst empties its FIFO. Renode's model does so in
// one of the chip's FIFO modes only; here it is addressed anew instead.
using System.Collections.Generic;
using Antmicro.Renode.Core;
using Antmicro.Renode.Core.Structure;
using Antmicro.Renode.Logging;
using Antmicro.Renode.Peripherals.Bus;

namespace Antmicro.Renode.Peripherals.I2C
{
    public class PolledI2C : SimpleContainer<II2CPeripheral>, IDoubleWordPeripheral, IKnownSize
    {
        public PolledI2C(IMachine machine) : base(machine)
        {
            plain = new Dictionary<long, uint>();
            outgoing = new List<byte>();
            Reset();
        }

        public override void Reset()
        {
            plain.Clear();
            outgoing.Clear();
            control = 0;
            phase = Phase.Idle;
            device = null;
            startSent = addressed = refused = false;
        }

        public uint ReadDoubleWord(long offset)
        {
            switch(offset)
            {
            case Control1:
                return control;
            case Data:
                return phase == Phase.Receive ? NextByte() : 0u;
            case Status1:
                var busy = !startSent && !addressed;
                return (startSent ? 1u : 0) | (addressed ? 2u : 0)
                    | (busy && Moves ? 4u : 0)
                    | (busy && phase == Phase.Receive ? 0x40u : 0)
                    | (busy && phase == Phase.Transmit ? 0x80u : 0)
                    | (refused ? 0x400u : 0);
            case Status2:
                addressed = false;
                return (phase == Phase.Idle ? 0u : 3u) | (phase == Phase.Transmit ? 4u : 0);
            default:
                return plain.TryGetValue(offset, out var value) ? value : 0;
            }
        }

        public void WriteDoubleWord(long offset, uint value)
        {
            switch(offset)
            {
            case Control1:
                WriteControl(value);
                break;
            case Data:
                WriteData((byte)value);
                break;
            case Status1:
                refused &= (value & 0x400) != 0;
                break;
            case Status2:
                break;
            default:
                plain[offset] = value;
                break;
            }
        }

        public long Size => 0x400;

        private bool Moves => phase == Phase.Receive || (phase == Phase.Transmit && outgoing.Count > 0);

        private void WriteControl(uint value)
        {
            if((value & SoftwareReset) != 0)
            {
                Reset();
                return;
            }
            var wasEnabled = (control & Enable) != 0;
            control = value & ~(Start | Stop);
            if((value & Stop) != 0 && phase != Phase.Receive)
            {
                // A receiver stops after its last bytes; they are read after this.
                Finish();
            }
            if(wasEnabled && (value & Enable) == 0)
            {
                control &= ~(Acknowledge | Position);
                Finish();
            }
            if((value & Start) != 0)
            {
                Flush();
                received = 0;
                startSent = true;
                addressed = refused = false;
                phase = Phase.Address;
            }
        }

        private void WriteData(byte value)
        {
            if(phase == Phase.Address)
            {
                startSent = false;
                if(!TryGetByAddress(value >> 1, out device))
                {
                    device = null;
                    refused = true;
                    phase = Phase.Refused;
                    return;
                }
                addressed = true;
                phase = (value & 1) != 0 ? Phase.Receive : Phase.Transmit;
            }
            else if(phase == Phase.Transmit)
            {
                outgoing.Add(value);
            }
            else
            {
                this.Log(LogLevel.Warning, "Data 0x{0:X} written outside a transfer", value);
            }
        }

        private uint NextByte()
        {
            if(register == FirstData && received == DataBytes)
            {
                device.FinishTransmission();
                device.Write(new byte[] { register });
                received = 0;
            }
            received++;
            var got = device.Read(1);
            return got.Length > 0 ? got[0] : 0xFFu;
        }

        private void Flush()
        {
            if(device != null && outgoing.Count > 0)
            {
                register = outgoing[0];
                device.Write(outgoing.ToArray());
            }
            outgoing.Clear();
        }

        private void Finish()
        {
            Flush();
            device?.FinishTransmission();
            device = null;
            phase = Phase.Idle;
            startSent = addressed = false;
        }

        private uint control;
        private bool startSent;
        private bool addressed;
        private bool refused;
        private Phase phase;
        private II2CPeripheral device;
        private byte register;
        private int received;

        private readonly Dictionary<long, uint> plain;
        private readonly List<byte> outgoing;

        private const long Control1 = 0x00, Data = 0x10, Status1 = 0x14, Status2 = 0x18;
        private const int FirstData = 0x28, DataBytes = 6;
        private const uint Enable = 1, Start = 0x100, Stop = 0x200, Acknowledge = 0x400, Position = 0x800, SoftwareReset = 0x8000;

        private enum Phase { Idle, Address, Transmit, Receive, Refused }
    }
}
