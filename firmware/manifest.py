# SPDX-License-Identifier: Apache-2.0
# For building the package into a firmware: FROZEN_MANIFEST=.../firmware/manifest.py
package("auscult")  # noqa: F821
