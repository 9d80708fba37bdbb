# SPDX-License-Identifier: Apache-2.0
"""Boards in Renode: the image of the files that they boot from, and Renode itself."""
