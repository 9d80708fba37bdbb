// SPDX-License-Identifier: Apache-2.0
// The three QEMU machines behind the five boards: clock rates and memory that survives a reset.
#pragma once

#if defined(QEMU_SOC_MPS2)
#define SIM_TICK_HZ 25000000u
#define SIM_CPU_HZ 25000000u
#define SIM_RETAINED 0x20000000u       // a second SRAM that the linker script leaves alone
#elif defined(QEMU_SOC_NRF51)
#define SIM_TICK_HZ 8000000u
#define SIM_CPU_HZ 16000000u
#define SIM_RETAINED 0x20080000u       // upper half of the enlarged SRAM
#elif defined(QEMU_SOC_VIRT)
#define SIM_TICK_HZ 10000000u
#define SIM_CPU_HZ 10000000u
#define SIM_RETAINED 0x81000000u       // DRAM far above the linker script's
#else
#error a simulated board for an unknown QEMU machine
#endif

#define SIM_DISK (SIM_RETAINED + 4096)
#define SIM_DISK_SIZE (480 * 1024)
#define SIM_NS_PER_TICK (1000000000u / SIM_TICK_HZ)

#ifndef MP_NORETURN
#define MP_NORETURN __attribute__((noreturn))
#endif
