// SPDX-License-Identifier: Apache-2.0
// simboard.Disk(): the block device under the root file system. It stands for the board's flash: in memory that
// survives a reset, or, if the host passed flash=PATH, in a file of the PC that survives a restart too.
#include <string.h>
#include "py/mperrno.h"
#include "py/runtime.h"
#include "extmod/vfs.h"
#include "simboard.h"

#define BLOCK 1024

typedef struct {
    mp_obj_base_t base;
} disk_obj_t;

static int file = -1;
static bool opened;

static mp_obj_t disk_make_new(const mp_obj_type_t *type, size_t n_args, size_t n_kw, const mp_obj_t *args) {
    (void)args;
    mp_arg_check_num(n_args, n_kw, 0, 0, false);
    const char *path = sim_arg("flash");
    if (path && !opened) {
        file = sim_host_open(path, "r+b");
        if (file < 0) {
            file = sim_host_open(path, "w+b");
        }
        if (file < 0) {
            mp_raise_OSError_with_filename(MP_EIO, path);
        }
        opened = true;
    }
    return MP_OBJ_FROM_PTR(mp_obj_malloc(disk_obj_t, type));
}

// (number of block, buffer, offset in block) -> where in memory or file
static uint32_t locate(size_t n_args, const mp_obj_t *args, mp_buffer_info_t *buf, int flags) {
    mp_get_buffer_raise(args[2], buf, flags);
    mp_uint_t block = mp_obj_get_int(args[1]);
    mp_uint_t offset = n_args == 4 ? mp_obj_get_int(args[3]) : 0;
    // one by one, as any sum or product may wrap
    if (block >= SIM_DISK_SIZE / BLOCK || offset > SIM_DISK_SIZE - block * BLOCK
        || buf->len > SIM_DISK_SIZE - block * BLOCK - offset) {
        mp_raise_OSError(MP_EINVAL);
    }
    return block * BLOCK + offset;
}

static mp_obj_t readblocks(size_t n_args, const mp_obj_t *args) {
    mp_buffer_info_t buf;
    uint32_t start = locate(n_args, args, &buf, MP_BUFFER_WRITE);
    if (file < 0) {
        memcpy(buf.buf, (const uint8_t *)SIM_DISK + start, buf.len);
    } else {
        memset(buf.buf, 0xff, buf.len);   // beyond the end of the file
        if (sim_host_seek(file, start) == 0) {
            sim_host_read(file, buf.buf, buf.len);
        }
    }
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(readblocks_obj, 3, 4, readblocks);

static mp_obj_t writeblocks(size_t n_args, const mp_obj_t *args) {
    mp_buffer_info_t buf;
    uint32_t start = locate(n_args, args, &buf, MP_BUFFER_READ);
    if (file < 0) {
        memcpy((uint8_t *)SIM_DISK + start, buf.buf, buf.len);
    } else if (sim_host_seek(file, start) != 0 || sim_host_write(file, buf.buf, buf.len) != (int)buf.len) {
        mp_raise_OSError(MP_EIO);
    }
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(writeblocks_obj, 3, 4, writeblocks);

static mp_obj_t ioctl(mp_obj_t self, mp_obj_t request, mp_obj_t arg) {
    (void)self;
    (void)arg;
    switch (mp_obj_get_int(request)) {
        case MP_BLOCKDEV_IOCTL_INIT:
        case MP_BLOCKDEV_IOCTL_DEINIT:
        case MP_BLOCKDEV_IOCTL_SYNC:
        case MP_BLOCKDEV_IOCTL_BLOCK_ERASE:
            return MP_OBJ_NEW_SMALL_INT(0);
        case MP_BLOCKDEV_IOCTL_BLOCK_COUNT:
            return MP_OBJ_NEW_SMALL_INT(SIM_DISK_SIZE / BLOCK);
        case MP_BLOCKDEV_IOCTL_BLOCK_SIZE:
            return MP_OBJ_NEW_SMALL_INT(BLOCK);
        default:
            return mp_const_none;
    }
}
static MP_DEFINE_CONST_FUN_OBJ_3(ioctl_obj, ioctl);

static const mp_rom_map_elem_t locals_table[] = {
    { MP_ROM_QSTR(MP_QSTR_readblocks), MP_ROM_PTR(&readblocks_obj) },
    { MP_ROM_QSTR(MP_QSTR_writeblocks), MP_ROM_PTR(&writeblocks_obj) },
    { MP_ROM_QSTR(MP_QSTR_ioctl), MP_ROM_PTR(&ioctl_obj) },
};
static MP_DEFINE_CONST_DICT(locals, locals_table);

MP_DEFINE_CONST_OBJ_TYPE(
    sim_disk_type, MP_QSTR_Disk, MP_TYPE_FLAG_NONE, make_new, disk_make_new, locals_dict, &locals);
