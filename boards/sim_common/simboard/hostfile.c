// SPDX-License-Identifier: Apache-2.0
// simboard.host_open(path, mode) -> stream: a file of the PC, for recordings in and results out.
#include "py/builtin.h"
#include "py/mperrno.h"
#include "py/runtime.h"
#include "py/stream.h"
#include "simboard.h"

typedef struct {
    mp_obj_base_t base;
    int handle;          // -1 once closed
    uint32_t position;
} hostfile_obj_t;

static const mp_obj_type_t hostfile_type;

static mp_obj_t host_open(size_t n_args, const mp_obj_t *args) {
    const char *path = mp_obj_str_get_str(args[0]);
    const char *mode = n_args > 1 ? mp_obj_str_get_str(args[1]) : "rb";
    hostfile_obj_t *self = mp_obj_malloc_with_finaliser(hostfile_obj_t, &hostfile_type);
    self->position = 0;
    self->handle = sim_host_open(path, mode);
    if (self->handle < 0) {
        mp_raise_OSError_with_filename(sim_host_errno() ? sim_host_errno() : MP_ENOENT, path);
    }
    if (mode[0] == 'a') {
        self->position = sim_host_size(self->handle);
    }
    return MP_OBJ_FROM_PTR(self);
}
MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(sim_host_open_obj, 1, 2, host_open);

static mp_uint_t hostfile_read(mp_obj_t self_in, void *buf, mp_uint_t size, int *errcode) {
    hostfile_obj_t *self = MP_OBJ_TO_PTR(self_in);
    int n = self->handle < 0 ? -1 : sim_host_read(self->handle, buf, size);
    if (n < 0) {
        *errcode = MP_EBADF;
        return MP_STREAM_ERROR;
    }
    self->position += n;
    return n;
}

static mp_uint_t hostfile_write(mp_obj_t self_in, const void *buf, mp_uint_t size, int *errcode) {
    hostfile_obj_t *self = MP_OBJ_TO_PTR(self_in);
    int n = self->handle < 0 ? -1 : sim_host_write(self->handle, buf, size);
    if (n < 0 || (n == 0 && size > 0)) {
        *errcode = self->handle < 0 ? MP_EBADF : MP_EIO;
        return MP_STREAM_ERROR;
    }
    self->position += n;
    return n;
}

static mp_uint_t hostfile_ioctl(mp_obj_t self_in, mp_uint_t request, uintptr_t arg, int *errcode) {
    hostfile_obj_t *self = MP_OBJ_TO_PTR(self_in);
    if (request == MP_STREAM_CLOSE) {
        if (self->handle >= 0) {
            sim_host_close(self->handle);
            self->handle = -1;
        }
        return 0;
    }
    if (request == MP_STREAM_FLUSH) {
        return 0;
    }
    if (request == MP_STREAM_SEEK && self->handle >= 0) {
        struct mp_stream_seek_t *seek = (struct mp_stream_seek_t *)arg;
        mp_off_t target = seek->offset;
        if (seek->whence == MP_SEEK_CUR) {
            target += self->position;
        } else if (seek->whence == MP_SEEK_END) {
            target += sim_host_size(self->handle);
        }
        if (target >= 0 && sim_host_seek(self->handle, target) == 0) {
            seek->offset = self->position = target;
            return 0;
        }
    }
    if (request == MP_STREAM_POLL && self->handle >= 0) {
        return arg & (MP_STREAM_POLL_RD | MP_STREAM_POLL_WR);
    }
    *errcode = self->handle < 0 ? MP_EBADF : MP_EINVAL;
    return MP_STREAM_ERROR;
}

static const mp_rom_map_elem_t locals_table[] = {
    { MP_ROM_QSTR(MP_QSTR_read), MP_ROM_PTR(&mp_stream_read_obj) },
    { MP_ROM_QSTR(MP_QSTR_readinto), MP_ROM_PTR(&mp_stream_readinto_obj) },
    { MP_ROM_QSTR(MP_QSTR_readline), MP_ROM_PTR(&mp_stream_unbuffered_readline_obj) },
    { MP_ROM_QSTR(MP_QSTR_write), MP_ROM_PTR(&mp_stream_write_obj) },
    { MP_ROM_QSTR(MP_QSTR_seek), MP_ROM_PTR(&mp_stream_seek_obj) },
    { MP_ROM_QSTR(MP_QSTR_tell), MP_ROM_PTR(&mp_stream_tell_obj) },
    { MP_ROM_QSTR(MP_QSTR_flush), MP_ROM_PTR(&mp_stream_flush_obj) },
    { MP_ROM_QSTR(MP_QSTR_close), MP_ROM_PTR(&mp_stream_close_obj) },
    { MP_ROM_QSTR(MP_QSTR___del__), MP_ROM_PTR(&mp_stream_close_obj) },
    { MP_ROM_QSTR(MP_QSTR___enter__), MP_ROM_PTR(&mp_identity_obj) },
    { MP_ROM_QSTR(MP_QSTR___exit__), MP_ROM_PTR(&mp_stream___exit___obj) },
};
static MP_DEFINE_CONST_DICT(locals, locals_table);

static const mp_stream_p_t protocol = {
    .read = hostfile_read,
    .write = hostfile_write,
    .ioctl = hostfile_ioctl,
};

static MP_DEFINE_CONST_OBJ_TYPE(
    hostfile_type, MP_QSTR_HostFile, MP_TYPE_FLAG_ITER_IS_STREAM, protocol, &protocol, locals_dict, &locals);
