// SPDX-License-Identifier: Apache-2.0
// Files of the PC through semihosting, which QEMU serves on all five boards alike.
// Source: Arm, "Semihosting for AArch32 and AArch64" (2023Q3); RISC-V Semihosting 0.3 for the instruction sequence.
#include <string.h>
#include "simboard.h"

enum {
    SYS_OPEN = 0x01, SYS_CLOSE = 0x02, SYS_WRITE = 0x05, SYS_READ = 0x06, SYS_SEEK = 0x0a, SYS_FLEN = 0x0c,
    SYS_TIME = 0x11, SYS_ERRNO = 0x13, SYS_GET_CMDLINE = 0x15,
};

#if defined(__riscv)
static __attribute__((noinline)) int call(int number, const void *arguments) {
    register int a0 __asm__ ("a0") = number;
    register const void *a1 __asm__ ("a1") = arguments;
    __asm__ volatile (
        ".option push            \n"
        ".option norvc           \n"
        ".balign 16              \n"   // the three may not straddle a page
        "slli zero, zero, 0x1f   \n"
        "ebreak                  \n"
        "srai zero, zero, 7      \n"
        ".option pop             \n"
        : "+r" (a0) : "r" (a1) : "memory");
    return a0;
}
#else
static __attribute__((noinline)) int call(int number, const void *arguments) {
    register int r0 __asm__ ("r0") = number;
    register const void *r1 __asm__ ("r1") = arguments;
    __asm__ volatile ("bkpt 0xab" : "+r" (r0) : "r" (r1) : "memory");
    return r0;
}
#endif

// A reset forgets what was open on the PC: it is noted here, so that it can be closed before.
#define HANDLES 64
static bool is_open[HANDLES];

int sim_host_open(const char *path, const char *mode) {
    static const char *const modes[] = { "r", "rb", "r+", "r+b", "w", "wb", "w+", "w+b", "a", "ab", "a+", "a+b" };
    for (uint32_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        if (strcmp(mode, modes[i]) == 0) {
            uint32_t arguments[] = { (uintptr_t)path, i, strlen(path) };
            int handle = call(SYS_OPEN, arguments);
            if (handle >= 0 && handle < HANDLES) {
                is_open[handle] = true;
            }
            return handle;
        }
    }
    return -1;
}

int sim_host_close(int handle) {
    if (handle >= 0 && handle < HANDLES) {
        is_open[handle] = false;
    }
    uint32_t arguments[] = { handle };
    return call(SYS_CLOSE, arguments);
}

void sim_host_close_all(void) {
    for (int handle = 0; handle < HANDLES; handle++) {
        if (is_open[handle]) {
            sim_host_close(handle);
        }
    }
}

// The host answers with the number of bytes it did not transfer.
static int transfer(int number, int handle, const void *buf, size_t len) {
    if (len == 0) {
        return 0;
    }
    uint32_t arguments[] = { handle, (uintptr_t)buf, len };
    uint32_t left = call(number, arguments);
    return left > len ? -1 : (int)(len - left);
}

int sim_host_read(int handle, void *buf, size_t len) {
    return transfer(SYS_READ, handle, buf, len);
}

int sim_host_write(int handle, const void *buf, size_t len) {
    return transfer(SYS_WRITE, handle, buf, len);
}

int sim_host_seek(int handle, uint32_t position) {
    uint32_t arguments[] = { handle, position };
    return call(SYS_SEEK, arguments);
}

int sim_host_size(int handle) {
    uint32_t arguments[] = { handle };
    return call(SYS_FLEN, arguments);
}

int sim_host_errno(void) {
    return call(SYS_ERRNO, NULL);
}

uint32_t sim_host_unix_time(void) {
    return call(SYS_TIME, NULL);
}

int sim_host_command_line(char *buf, size_t len) {
    uint32_t arguments[] = { (uintptr_t)buf, len };
    return call(SYS_GET_CMDLINE, arguments) == 0 ? (int)arguments[1] : -1;
}
