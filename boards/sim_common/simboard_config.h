// SPDX-License-Identifier: Apache-2.0
// MicroPython configuration of the simulated boards: the qemu port's own, then what a real board has too.
// The tree stays unpatched: this file is handed to it as MP_CONFIGFILE.
#include <stdbool.h>
#include <mpconfigport.h>

#undef MICROPY_HW_BOARD_NAME
#define MICROPY_HW_BOARD_NAME SIMBOARD_NAME

#if defined(QEMU_SOC_NRF51)
// Cortex-M0: native modules are armv6m
#define MICROPY_EMIT_THUMB (1)
#define MICROPY_EMIT_THUMB_ARMV7M (0)
#define MICROPY_EMIT_INLINE_THUMB (0)
#endif

#undef MICROPY_PY_SYS_STDIO_BUFFER
#define MICROPY_PY_SYS_STDIO_BUFFER (1)
#undef MICROPY_PY_SELECT
#define MICROPY_PY_SELECT (1)
#undef MICROPY_PY_ASYNCIO
#define MICROPY_PY_ASYNCIO (1)
#undef MICROPY_PY_TIME
#define MICROPY_PY_TIME (1)
#define MICROPY_PY_TIME_GMTIME_LOCALTIME_MKTIME (1)
#define MICROPY_PY_TIME_TIME_TIME_NS (1)
#define MICROPY_PY_TIME_INCLUDEFILE "sim_time.c"
#define MICROPY_PY_OS_UNAME (1)
#define MICROPY_PY_OS_SYNC (1)
#define MICROPY_PY_HASHLIB_SHA256 (1)
#define MICROPY_KBD_EXCEPTION (1)
#define MICROPY_SCHEDULER_STATIC_NODES (1)

#undef MICROPY_PY_MACHINE_INCLUDEFILE
#define MICROPY_PY_MACHINE_INCLUDEFILE "sim_machine.c"
#define MICROPY_PY_MACHINE_BARE_METAL_FUNCS (1)
#define MICROPY_PY_MACHINE_I2C (1)
#define MICROPY_PY_MACHINE_SPI (1)
#define MICROPY_PY_MACHINE_SPI_MSB (0)
#define MICROPY_PY_MACHINE_SPI_LSB (1)
#define MICROPY_PY_MACHINE_SIGNAL (1)
#define MICROPY_PY_MACHINE_ADC (1)
#define MICROPY_PY_MACHINE_ADC_INCLUDEFILE "sim_adc.c"
#define MICROPY_PY_MACHINE_WDT (1)
#define MICROPY_PY_MACHINE_WDT_INCLUDEFILE "sim_wdt.c"
#define MICROPY_PY_MACHINE_UART (1)
#define MICROPY_PY_MACHINE_UART_INCLUDEFILE "sim_uart.c"
#define MICROPY_PY_MACHINE_UART_CLASS_CONSTANTS

// Run once the interpreter is up: after power on, a reset and a soft reset.
void sim_start(void);
#define MICROPY_PORT_INIT_FUNC sim_start()

// There are no interrupt handlers: the virtual machine polls the console, the alarms and the watchdog as it jumps.
void sim_poll(void);
#define MICROPY_VM_HOOK_COUNT (64)
#define MICROPY_VM_HOOK_INIT static unsigned int vm_hook_divisor = MICROPY_VM_HOOK_COUNT;
#define MICROPY_VM_HOOK_POLL \
    if (--vm_hook_divisor == 0) { \
        vm_hook_divisor = MICROPY_VM_HOOK_COUNT; \
        sim_poll(); \
    }
#define MICROPY_VM_HOOK_LOOP MICROPY_VM_HOOK_POLL
#define MICROPY_VM_HOOK_RETURN MICROPY_VM_HOOK_POLL

// Waiting code handles events, then idles until the next one.
void sim_event_hook(void);
void sim_wait_for_event(unsigned long timeout_ms);
#define MICROPY_INTERNAL_EVENT_HOOK sim_event_hook()
#define MICROPY_INTERNAL_WFE(timeout_ms) sim_wait_for_event(timeout_ms)
