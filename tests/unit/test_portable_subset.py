# SPDX-License-Identifier: Apache-2.0
"""C outside of what portable pipelines are translated from is an error that says where, never wrong Python."""

import pytest
from auscult_host.errors import AuscultError
from auscult_host.estimators import ModelCode
from auscult_host.portable import files

_MODEL = """
#include <stdint.h>
#define AUS_MODEL_CLASSES 2
#define AUS_MODEL_ACC 2
{before}
static int aus_model(const int16_t *x, int32_t *acc) {{
    acc[0] = x[0]; acc[1] = 0;
    {inside}
    return 0;
}}
static void aus_model_proba(const int32_t *acc, uint16_t *p) {{ p[0] = (uint16_t)acc[0]; p[1] = 0; }}
"""


@pytest.mark.parametrize(("before", "inside", "what"), [
    ("", "float f = 1;", "the type float"),
    ("", "goto end; end: ;", "Goto"),
    ("", "acc[0] = rand();", "the function rand"),
    ("static int32_t memory[4] = {1};", "", "memory, which is not constant"),
    ("static int f(int n) { return n ? f(n - 1) : 0; }", "acc[0] = f(3);", "f calls itself"),
    ("", "switch (x[0]) { case 1: acc[0] = 1; case 2: acc[1] = 1; break; }", "a case that does not end"),
    ("", "int64_t a = x[0]; acc[0] = (int32_t)(a / 3);", "a 64-bit /"),
    ("", "acc[0] = *(const int *)&x;", "the address of the parameter x"),
    ("", 'const char *t = "text"; acc[0] = t[0];', "a string constant"),
])
def test_what_is_not_translated_is_named(before: str, inside: str, what: str) -> None:
    code = ModelCode(_MODEL.format(before=before, inside=inside), "outside", 2, [0, 1])
    with pytest.raises(AuscultError) as raised:
        files.model("outside", code, 4, [])
    assert what in raised.value.found
    if "64-bit" not in what:
        assert "pipeline.c:" in raised.value.found, raised.value.found
