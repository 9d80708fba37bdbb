# SPDX-License-Identifier: Apache-2.0
include("$(MPY_DIR)/extmod/asyncio")
freeze("frozen")
