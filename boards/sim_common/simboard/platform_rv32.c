// SPDX-License-Identifier: Apache-2.0
// QEMU's riscv32 virt: ACLINT timer at 10 MHz, 16550 UART behind a PLIC, SiFive test device for the reset.
// Registers: RISC-V Privileged Architecture 1.12, ACLINT 1.0 and PLIC 1.0 specifications.
#if defined(QEMU_SOC_VIRT)
#include "simboard.h"

#define MTIME ((volatile uint32_t *)0x0200bff8)
#define MTIMECMP ((volatile uint32_t *)0x02004000)
#define UART_IER (*(volatile uint8_t *)0x10000001)
#define PLIC(offset) (*(volatile uint32_t *)(0x0c000000 + (offset)))
#define UART_IRQ 10
#define PLIC_CLAIM PLIC(0x200004)
#define TEST_DEVICE (*(volatile uint32_t *)0x00100000)
#define MIE_TIMER (1u << 7)
#define MIE_EXTERNAL (1u << 11)

static uint64_t ticks_at_reset;

static uint64_t mtime(void) {
    uint32_t high, low;
    do {
        high = MTIME[1];
        low = MTIME[0];
    } while (high != MTIME[1]);
    return ((uint64_t)high << 32) | low;
}

void sim_platform_init(void) {
    // Interrupts wake the CPU but are never taken (mstatus.MIE is off): no handler is needed.
    __asm volatile ("csrci mstatus, 8");
    UART_IER = 1;                    // received data
    PLIC(4 * UART_IRQ) = 1;          // priority
    PLIC(0x2000) = 1u << UART_IRQ;   // enabled for machine mode
    PLIC(0x200000) = 0;              // threshold
    ticks_at_reset = mtime();
}

uint64_t sim_ticks(void) {
    return mtime() - ticks_at_reset;
}

uint64_t sim_virtual_ns(void) {
    uint32_t high, low, again;
    do {
        __asm volatile ("csrr %0, mcycleh\n csrr %1, mcycle\n csrr %2, mcycleh"
            : "=&r" (high), "=&r" (low), "=&r" (again));
    } while (high != again);
    return ((uint64_t)high << 32) | low;
}

static void wait_for_interrupt(uint32_t enable) {
    __asm volatile ("csrw mie, %0\n wfi\n csrw mie, zero" : : "r" (enable) : "memory");
    PLIC_CLAIM = PLIC_CLAIM;   // claim and complete; pends again while the UART holds data
}

void sim_platform_sleep(uint64_t until) {
    uint64_t compare = until == SIM_NEVER ? sim_ticks() + 60ull * SIM_TICK_HZ : until;
    compare += ticks_at_reset;
    MTIMECMP[0] = 0xffffffff;   // no early match while the halves are written
    MTIMECMP[1] = compare >> 32;
    MTIMECMP[0] = (uint32_t)compare;
    wait_for_interrupt(MIE_TIMER | MIE_EXTERNAL);
}

// No timer is armed here, so that virtual time stands still in deterministic mode.
void sim_platform_sleep_console(void) {
    wait_for_interrupt(MIE_EXTERNAL);
}

void sim_platform_reset(void) {
    TEST_DEVICE = 0x7777;
    for (;;) {
    }
}
#endif
