# SPDX-License-Identifier: Apache-2.0
"""A pipeline's C, preprocessed for the plainest path through the core, as a syntax tree."""

import re
import tempfile
from pathlib import Path

from pycparser import CParser, c_ast

from .. import hostlib, toolchain
from ..errors import AuscultError

_STDINT = "".join(f"typedef int {name};\n" for name in (
    "int8_t", "uint8_t", "int16_t", "uint16_t", "int32_t", "uint32_t", "int64_t", "uint64_t", "uintptr_t", "size_t")) + """
#define INT32_MAX 2147483647
#define UINT64_MAX 18446744073709551615ull
"""
# KIND 2: 32-bit products only, and no divider. Without __GNUC__ and __x86_64__ there is nothing of this computer in it.
_OPTIONS = ["-E", "-nostdinc", "-std=gnu99", "-U__GNUC__", "-U__x86_64__", "-DAUS_KIND=2", "-D__attribute__(x)=",
            "-D__builtin_expect(c,v)=(c)"]
# What only keeps a compiler from an idea of its own
_BARRIER = re.compile(r'__asm__(?:\s+volatile)?\s*\(""[^;]*?\)\s*;')


def parse(code: str) -> c_ast.FileAST:
    """The tree of a generated pipeline.c or model.c."""
    compiler = toolchain.require("gcc")
    with tempfile.TemporaryDirectory(prefix="portable-") as folder:
        work = Path(folder)
        (work / "stdint.h").write_text("#pragma once\n" + _STDINT)
        (work / "stddef.h").write_text("#include <stdint.h>\n")
        (work / "pipeline.c").write_text("#include <stdint.h>\n" + code)
        text = toolchain.run([compiler, *_OPTIONS, f"-I{work}", f"-I{hostlib.native_sources()}", str(work / "pipeline.c")],
                             "preprocessing the pipeline")
    text = re.sub(r"^#pragma.*$", "", _BARRIER.sub(";", text).replace(str(work) + "/", ""), flags=re.M)
    try:
        tree: c_ast.FileAST = CParser().parse(text, "pipeline.c")
    except Exception as error:  # pycparser's own classes differ between its versions
        raise unsupported(f"C that does not parse: {error}") from error
    return tree


def unsupported(what: str, node: object = None) -> AuscultError:
    """The error for C that is outside of the subset."""
    where = getattr(node, "coord", None)
    return AuscultError(f"{where}: {what}" if where else what, "the part of C that the portable pipeline is translated from",
                        "write it another way, or extend auscult_host/portable")
