# SPDX-License-Identifier: Apache-2.0
# Starts the node described in /auscult.json. Ctrl-C stops it; without a usable configuration the prompt comes at once.
from auscult.node import main

main()
