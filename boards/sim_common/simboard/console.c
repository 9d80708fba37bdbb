// SPDX-License-Identifier: Apache-2.0
// The console UART: a small input buffer, Ctrl-C that stops a running program, and a CPU that sleeps at the prompt.
// The port's own functions are wrapped by the linker (--wrap), its source stays as it is.
#include "py/mphal.h"
#include "py/runtime.h"
#include "py/stream.h"
#include "shared/runtime/interrupt_char.h"
#include "simboard.h"

#ifndef NO_QSTR
void __real_uart_init(void);
#endif
int uart_rx_chr(void);

static uint8_t buffer[256];
static uint8_t head, tail;

void __wrap_uart_init(void) {
    #if defined(__ARM_FP)
    *(volatile uint32_t *)0xe000ed88 |= 0xf << 20;   // CPACR: the FPU is off after reset
    __asm volatile ("dsb\n isb");
    #endif
    __real_uart_init();
    sim_platform_init();
}

void sim_console_poll(void) {
    while ((uint8_t)(head + 1) != tail) {   // a full buffer leaves data in the UART: QEMU then holds back the host
        int c = uart_rx_chr();
        if (c < 0) {
            return;
        }
        if (c == mp_interrupt_char) {
            tail = head;
            mp_sched_keyboard_interrupt();
        } else {
            buffer[head++] = (uint8_t)c;
        }
    }
}

bool sim_console_ready(void) {
    return head != tail;
}

int __wrap_mp_hal_stdin_rx_chr(void) {
    for (;;) {
        mp_event_handle_nowait();
        if (head != tail) {
            return buffer[tail++];
        }
        if (sim_deterministic) {
            sim_platform_sleep_console();   // virtual time stands still while the board waits for the host
        } else {
            sim_wait_for_event((unsigned long)-1);
        }
    }
}

uintptr_t __wrap_mp_hal_stdio_poll(uintptr_t flags) {
    sim_console_poll();
    return (head != tail ? flags & MP_STREAM_POLL_RD : 0) | (flags & MP_STREAM_POLL_WR);
}
