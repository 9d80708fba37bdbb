# SPDX-License-Identifier: Apache-2.0
"""`auscult monitor`: the lines of a node are read in one place, kept as a state, and shown in a terminal or on a page."""
