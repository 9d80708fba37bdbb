// SPDX-License-Identifier: Apache-2.0
// QEMU's mps2-an385, an386 and an500: CMSDK timers at 25 MHz and a CMSDK UART.
// Registers: Arm DDI 0479 (Cortex-M System Design Kit), chapter 4.
#if defined(QEMU_SOC_MPS2)
#include "simboard.h"

typedef struct {
    volatile uint32_t CTRL, VALUE, RELOAD, INT;
} timer_regs_t;

#define CLOCK ((timer_regs_t *)0x40000000)   // counts down for ever
#define WAKER ((timer_regs_t *)0x40001000)   // its interrupt ends a sleep
#define TIMER_ENABLE (1u << 0)
#define TIMER_INTERRUPT (1u << 3)
#define UART_CTRL (*(volatile uint32_t *)0x40004008)
#define UART_INT (*(volatile uint32_t *)0x4000400c)
#define UART_RX_INTERRUPT (1u << 3)
#define UART_RX_PENDING (1u << 1)
#define NVIC_ENABLE (*(volatile uint32_t *)0xe000e100)
#define NVIC_UNPEND (*(volatile uint32_t *)0xe000e280)
#define IRQ_UART_RX (1u << 0)
#define IRQ_WAKER (1u << 9)
#define AIRCR (*(volatile uint32_t *)0xe000ed0c)

static uint32_t ticks_high, ticks_last;

void sim_platform_init(void) {
    // Interrupts wake the CPU but are never taken: no vector is needed.
    __asm volatile ("cpsid i");
    CLOCK->CTRL = 0;
    CLOCK->RELOAD = 0xffffffff;
    CLOCK->VALUE = 0xffffffff;
    CLOCK->CTRL = TIMER_ENABLE;
    UART_CTRL |= UART_RX_INTERRUPT;
    NVIC_ENABLE = IRQ_UART_RX | IRQ_WAKER;
    ticks_high = ticks_last = 0;
}

// Called at least every 85 s (idle.c sees to it), so that no wrap of the 32-bit counter is missed.
uint64_t sim_ticks(void) {
    uint32_t now = ~CLOCK->VALUE;
    if (now < ticks_last) {
        ticks_high++;
    }
    ticks_last = now;
    return ((uint64_t)ticks_high << 32) | now;
}

// An instruction is 1 ns and a tick 40 of them. 40 reads that are 3 instructions apart (3 and 40 have no common
// divisor) meet every phase of the tick once, so their sum, floor(t/40) + floor((t+3)/40) + ..., is t + 39 exactly:
// a counter of single instructions made from one of 40.
static __attribute__((noinline)) uint32_t sum_of_reads(void) {
    uint32_t sum = 0;
    uint32_t value;
    __asm volatile (
        ".rept 40         \n"
        "ldr  %1, [%2]    \n"
        "sub  %0, %0, %1  \n"
        "nop              \n"
        ".endr            \n"
        : "+r" (sum), "=&r" (value) : "r" (&CLOCK->VALUE) : "memory");
    return sum - 40;   // each read is ~ticks: -VALUE = ticks + 1
}

uint64_t sim_virtual_ns(void) {
    uint64_t coarse = sim_ticks() * SIM_NS_PER_TICK;
    if (!sim_deterministic) {
        return coarse;
    }
    return coarse + (int32_t)(sum_of_reads() - 39 - (uint32_t)coarse);
}

static void wait_for_interrupt(void) {
    __asm volatile ("dsb\n wfi" ::: "memory");
    WAKER->CTRL = 0;
    WAKER->INT = 1;
    UART_INT = UART_RX_PENDING;
    NVIC_UNPEND = IRQ_UART_RX | IRQ_WAKER;
}

void sim_platform_sleep(uint64_t until) {
    uint64_t now = sim_ticks();
    if (until <= now) {
        return;
    }
    uint64_t ticks = until - now;
    WAKER->RELOAD = 0xffffffff;
    WAKER->VALUE = ticks > 0x7fffffff ? 0x7fffffff : (uint32_t)ticks;
    WAKER->CTRL = TIMER_ENABLE | TIMER_INTERRUPT;
    wait_for_interrupt();
}

void sim_platform_sleep_console(void) {
    CLOCK->CTRL = 0;
    wait_for_interrupt();
    CLOCK->CTRL = TIMER_ENABLE;
}

void sim_platform_reset(void) {
    AIRCR = 0x05fa0004;   // SYSRESETREQ
    for (;;) {
    }
}
#endif
