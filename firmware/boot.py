# SPDX-License-Identifier: Apache-2.0
# Runs at every start, before main.py. Nothing to do: the node starts in main.py, where Ctrl-C reaches the prompt.
