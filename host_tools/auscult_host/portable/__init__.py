# SPDX-License-Identifier: Apache-2.0
"""Pipelines for boards that load no native module: the C core translated to integer Python, with the same bits."""
