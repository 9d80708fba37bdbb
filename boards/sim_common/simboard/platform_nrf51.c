// SPDX-License-Identifier: Apache-2.0
// QEMU's microbit: an nRF51 with its TIMER0 and UART.
// Registers: Nordic nRF51 Series Reference Manual 3.0, chapters 18 (TIMER) and 29 (UART).
#if defined(QEMU_SOC_NRF51)
#include "simboard.h"

#define TIMER(offset) (*(volatile uint32_t *)(0x40008000 + (offset)))
#define TIMER_START TIMER(0x000)
#define TIMER_STOP TIMER(0x004)
#define TIMER_CLEAR TIMER(0x00c)
#define TIMER_CAPTURE0 TIMER(0x040)
#define TIMER_COMPARE1 TIMER(0x144)
#define TIMER_INTENSET TIMER(0x304)
#define TIMER_INTENCLR TIMER(0x308)
#define TIMER_BITMODE TIMER(0x508)
#define TIMER_PRESCALER TIMER(0x510)
#define TIMER_CC0 TIMER(0x540)
#define TIMER_CC1 TIMER(0x544)
#define INT_COMPARE1 (1u << 17)
#define UART_INTENSET (*(volatile uint32_t *)0x40002304)
#define INT_RXDRDY (1u << 2)
#define NVIC_ENABLE (*(volatile uint32_t *)0xe000e100)
#define NVIC_UNPEND (*(volatile uint32_t *)0xe000e280)
#define IRQ_UART (1u << 2)
#define IRQ_TIMER0 (1u << 8)
#define AIRCR (*(volatile uint32_t *)0xe000ed0c)

static uint64_t ticks_before;   // the timer was last cleared
static uint32_t ticks_high, ticks_last;

void sim_platform_init(void) {
    // Interrupts wake the CPU but are never taken: no vector is needed.
    __asm volatile ("cpsid i");
    TIMER_BITMODE = 3;      // 32 bits
    TIMER_PRESCALER = 1;    // 8 MHz: 125 ns, a whole number
    TIMER_START = 1;
    UART_INTENSET = INT_RXDRDY;
    NVIC_ENABLE = IRQ_UART | IRQ_TIMER0;
    ticks_before = ticks_high = ticks_last = 0;
}

// Called at least every 268 s (idle.c sees to it), so that no wrap of the 32-bit counter is missed.
uint64_t sim_ticks(void) {
    TIMER_CAPTURE0 = 1;
    uint32_t now = TIMER_CC0;
    if (now < ticks_last) {
        ticks_high++;
    }
    ticks_last = now;
    return ticks_before + (((uint64_t)ticks_high << 32) | now);
}

// An instruction is 1 ns and a tick 125 of them. 125 reads that are 3 instructions apart (3 and 125 have no common
// divisor) meet every phase of the tick once, so their sum, floor(t/125) + floor((t+3)/125) + ..., is t + 124
// exactly: a counter of single instructions made from one of 125.
static __attribute__((noinline)) uint32_t sum_of_reads(void) {
    uint32_t sum = 0;
    uint32_t value;
    __asm volatile (
        ".rept 125        \n"
        "str  %4, [%2]    \n"
        "ldr  %1, [%3]    \n"
        "add  %0, %0, %1  \n"
        ".endr            \n"
        : "+l" (sum), "=&l" (value) : "l" (&TIMER_CAPTURE0), "l" (&TIMER_CC0), "l" (1) : "memory", "cc");
    return sum;
}

uint64_t sim_virtual_ns(void) {
    uint64_t coarse = sim_ticks() * SIM_NS_PER_TICK;
    if (!sim_deterministic) {
        return coarse;
    }
    uint32_t since_clear = (uint32_t)(coarse - ticks_before * SIM_NS_PER_TICK);
    return coarse + (int32_t)(sum_of_reads() - 124 - since_clear);
}

static void wait_for_interrupt(void) {
    __asm volatile ("dsb\n wfi" ::: "memory");
    TIMER_INTENCLR = INT_COMPARE1;
    TIMER_COMPARE1 = 0;
    NVIC_UNPEND = IRQ_UART | IRQ_TIMER0;
}

void sim_platform_sleep(uint64_t until) {
    uint64_t now = sim_ticks();
    if (until <= now + 1) {
        return;
    }
    uint64_t ticks = until - now;
    TIMER_CC1 = (uint32_t)(now - ticks_before) + (ticks > 0x7fffffff ? 0x7fffffff : (uint32_t)ticks);
    TIMER_COMPARE1 = 0;
    TIMER_INTENSET = INT_COMPARE1;
    if (sim_ticks() < until) {   // else the compare may have been passed while it was set up
        wait_for_interrupt();
    }
}

void sim_platform_sleep_console(void) {
    // QEMU's timer goes wrong when it is started again with a count in it: clear it and keep the count here.
    ticks_before = sim_ticks();
    ticks_high = ticks_last = 0;
    TIMER_CLEAR = 1;
    TIMER_STOP = 1;
    wait_for_interrupt();
    TIMER_START = 1;
}

void sim_platform_reset(void) {
    AIRCR = 0x05fa0004;   // SYSRESETREQ
    for (;;) {
    }
}
#endif
