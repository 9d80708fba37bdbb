// SPDX-License-Identifier: Apache-2.0
// Strings handed over at start as "key=value key=value"; values are percent-encoded.
#include <string.h>
#include "py/runtime.h"
#include "simboard.h"

static char line[2048];   // after sim_args_init: key\0value\0key\0value\0\0

static int hex(char c) {
    return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
}

void sim_args_init(void) {
    memset(line, 0, sizeof(line));
    if (sim_host_command_line(line, sizeof(line) - 2) < 0) {
        line[0] = 0;
    }
    char *out = line;
    bool in_key = true;
    for (const char *in = line; *in; in++) {
        if (*in == ' ') {
            in_key = true;
            *out++ = 0;
        } else if (*in == '=' && in_key) {
            in_key = false;
            *out++ = 0;
        } else if (*in == '%' && in[1] && in[2]) {
            *out++ = (char)(hex(in[1]) << 4 | hex(in[2]));
            in += 2;
        } else {
            *out++ = *in;
        }
    }
    out[0] = out[1] = 0;
}

const char *sim_arg(const char *name) {
    for (const char *key = line; *key;) {
        const char *value = key + strlen(key) + 1;
        if (strcmp(key, name) == 0) {
            return value;
        }
        key = value + strlen(value) + 1;
    }
    return NULL;
}

// arg(name) -> str, or None if the host gave no such argument
static mp_obj_t arg(mp_obj_t name) {
    const char *value = sim_arg(mp_obj_str_get_str(name));
    return value ? mp_obj_new_str(value, strlen(value)) : mp_const_none;
}
MP_DEFINE_CONST_FUN_OBJ_1(sim_arg_obj, arg);
