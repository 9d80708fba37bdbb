# SPDX-License-Identifier: Apache-2.0
# Mounts the root file system; a blank or foreign one is formatted, as on a new board.
import sys

import simboard
import vfs

disk = simboard.Disk()
try:
    vfs.mount(disk, "/")
except OSError:
    vfs.VfsLfs2.mkfs(disk)
    vfs.mount(disk, "/")
sys.path.append("/lib")
