// SPDX-License-Identifier: Apache-2.0
// machine.UART(1): a line for data beside the console. Its other end is the terminal named by the host's uart1=PATH,
// set up there so that reads return at once. Included by extmod/machine_uart.c.
#include "py/mperrno.h"
#include "py/mphal.h"
#include "simboard.h"

struct _machine_uart_obj_t {
    mp_obj_base_t base;
    uint32_t baudrate;
    uint32_t timeout_ms;
};

static uint8_t input[512];
static uint16_t input_len, input_at;
static int handle = -1;
static machine_uart_obj_t uart = { { &machine_uart_type }, 115200, 0 };
bool sim_uart_open;

static size_t fill(void) {
    if (input_at == input_len && handle >= 0) {
        int n = sim_host_read(handle, input, sizeof(input));
        input_at = 0;
        input_len = n > 0 ? n : 0;
    }
    return input_len - input_at;
}

static void mp_machine_uart_init_helper(machine_uart_obj_t *self, size_t n_args, const mp_obj_t *pos_args, mp_map_t *kw_args) {
    enum { ARG_baudrate, ARG_bits, ARG_parity, ARG_stop, ARG_timeout };
    static const mp_arg_t allowed[] = {
        { MP_QSTR_baudrate, MP_ARG_INT, {.u_int = 115200} },
        { MP_QSTR_bits, MP_ARG_INT, {.u_int = 8} },
        { MP_QSTR_parity, MP_ARG_OBJ, {.u_rom_obj = MP_ROM_NONE} },
        { MP_QSTR_stop, MP_ARG_INT, {.u_int = 1} },
        { MP_QSTR_timeout, MP_ARG_KW_ONLY | MP_ARG_INT, {.u_int = 0} },
        { MP_QSTR_timeout_char, MP_ARG_KW_ONLY | MP_ARG_INT, {.u_int = 0} },
        { MP_QSTR_rxbuf, MP_ARG_KW_ONLY | MP_ARG_INT, {.u_int = 0} },
        { MP_QSTR_txbuf, MP_ARG_KW_ONLY | MP_ARG_INT, {.u_int = 0} },
        { MP_QSTR_tx, MP_ARG_KW_ONLY | MP_ARG_OBJ, {.u_rom_obj = MP_ROM_NONE} },
        { MP_QSTR_rx, MP_ARG_KW_ONLY | MP_ARG_OBJ, {.u_rom_obj = MP_ROM_NONE} },
    };
    mp_arg_val_t args[MP_ARRAY_SIZE(allowed)];
    mp_arg_parse_all(n_args, pos_args, kw_args, MP_ARRAY_SIZE(allowed), allowed, args);
    self->baudrate = args[ARG_baudrate].u_int;
    self->timeout_ms = args[ARG_timeout].u_int;
    const char *path = sim_arg("uart1");
    if (handle < 0 && path) {
        handle = sim_host_open(path, "r+b");
        if (handle < 0) {
            mp_raise_OSError(MP_EIO);
        }
    }
    sim_uart_open = handle >= 0;
}

static mp_obj_t mp_machine_uart_make_new(const mp_obj_type_t *type, size_t n_args, size_t n_kw, const mp_obj_t *args) {
    (void)type;
    mp_arg_check_num(n_args, n_kw, 1, MP_OBJ_FUN_ARGS_MAX, true);
    int id = mp_obj_get_int(args[0]);
    if (id != 1) {
        mp_raise_msg_varg(&mp_type_ValueError, MP_ERROR_TEXT("UART(%d) doesn't exist: 1"), id);
    }
    mp_map_t kw;
    mp_map_init_fixed_table(&kw, n_kw, args + n_args);
    mp_machine_uart_init_helper(&uart, n_args - 1, args + 1, &kw);
    return MP_OBJ_FROM_PTR(&uart);
}

static void mp_machine_uart_print(const mp_print_t *print, mp_obj_t self_in, mp_print_kind_t kind) {
    (void)kind;
    machine_uart_obj_t *self = MP_OBJ_TO_PTR(self_in);
    mp_printf(print, "UART(1, baudrate=%u, timeout=%u)", self->baudrate, self->timeout_ms);
}

static void mp_machine_uart_deinit(machine_uart_obj_t *self) {
    (void)self;
    if (handle >= 0) {
        sim_host_close(handle);
    }
    handle = -1;
    sim_uart_open = false;
}

static mp_int_t mp_machine_uart_any(machine_uart_obj_t *self) {
    (void)self;
    return fill();
}

static bool mp_machine_uart_txdone(machine_uart_obj_t *self) {
    (void)self;
    return true;
}

static bool has_input(void) {
    return fill() > 0;
}

static mp_uint_t mp_machine_uart_read(mp_obj_t self_in, void *buf_in, mp_uint_t size, int *errcode) {
    machine_uart_obj_t *self = MP_OBJ_TO_PTR(self_in);
    if (!has_input() && self->timeout_ms > 0) {
        sim_sleep_until(sim_ticks() + sim_ms_to_ticks(self->timeout_ms), has_input);
    }
    size_t n = MIN(fill(), size);
    if (n == 0) {
        *errcode = MP_EAGAIN;
        return MP_STREAM_ERROR;
    }
    memcpy(buf_in, input + input_at, n);
    input_at += n;
    return n;
}

static mp_uint_t mp_machine_uart_write(mp_obj_t self_in, const void *buf_in, mp_uint_t size, int *errcode) {
    (void)self_in;
    if (handle < 0) {
        return size;   // nothing is connected: the bits go out all the same
    }
    int n = sim_host_write(handle, buf_in, size);
    if (n <= 0) {
        *errcode = MP_EIO;
        return MP_STREAM_ERROR;
    }
    return n;
}

static mp_uint_t mp_machine_uart_ioctl(mp_obj_t self_in, mp_uint_t request, uintptr_t arg, int *errcode) {
    (void)self_in;
    if (request == MP_STREAM_POLL) {
        return ((arg & MP_STREAM_POLL_RD) && has_input() ? MP_STREAM_POLL_RD : 0) | (arg & MP_STREAM_POLL_WR);
    }
    if (request == MP_STREAM_FLUSH) {
        return 0;
    }
    *errcode = MP_EINVAL;
    return MP_STREAM_ERROR;
}
