# SPDX-License-Identifier: Apache-2.0
# Starts the node that `auscult deploy` put here, or the one of /auscult.json. Ctrl-C stops it and gives the prompt.
try:
    import auscult_slots as slots
except ImportError:
    try:
        import auscult_slots_new as slots  # where a change of the file was cut in the middle
    except ImportError:
        from auscult import slots  # in the firmware, or copied without slots
slots.boot()
