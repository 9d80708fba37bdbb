# SPDX-License-Identifier: Apache-2.0
"""From a pipeline or a model to its translated C, with what the module around it has to know."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .. import codegen
from ..spec import PipelineSpec
from .unit import Unit

if TYPE_CHECKING:
    from ..estimators import ModelCode

# As aus_module.c: a buffer that another pipeline has used must not make this one write anywhere
_PIPELINE = """
static int portable_foreign(const aus_state_t *s) {
    if ((uint32_t)s->fill >= AUS_N || (uint32_t)s->gap > AUS_N || s->skip < 0) return 1;
#if AUS_HISTORY
    if ((uint32_t)s->held > AUS_LONGEST) return 1;
#endif
#if AUS_FRONT
    if ((uint32_t)s->front.phase >= AUS_DECIMATE || (uint32_t)s->front.count > AUS_COUNTED) return 1;
#endif
    return 0;
}
static const int32_t portable_facts[3] = {sizeof(aus_state_t), AUS_OUT_WORDS, AUS_ORDERS};
"""
_MODEL = """
#include "aus_math.h"
#include "aus_classify.h"
static const int32_t portable_facts[3] = {0, AUS_MODEL_OUT, 0};
"""


@dataclass
class Translated:
    """state: bytes of aus_state_t; inputs: axes of a pipeline, features of a model alone."""

    name: str
    inputs: int
    unit: Unit
    info: str
    state: int
    out_words: int
    orders: bool

    def tables(self) -> tuple[dict[str, int], bytes]:
        """All constant tables behind one another, and where each begins."""
        at, data = {}, b""
        for name, table in self.unit.tables.items():
            at[name] = len(data)
            data += table.data + bytes(-len(table.data) % 4)
        return at, data


def pipeline(spec: PipelineSpec, model: "ModelCode | None" = None) -> Translated:
    unit = Unit.of(codegen.generate(spec, model) + _PIPELINE, ["portable_foreign", "aus_push", "aus_mark", "aus_set_shaft"])
    return _with_facts(spec.name, len(spec.axes), unit, codegen.info(spec, model))


def model(name: str, code: "ModelCode", n_features: int) -> Translated:
    return _with_facts(name, n_features, Unit.of(codegen.generate_model(code, n_features) + _MODEL, ["aus_classify"]), "")


def _with_facts(name: str, inputs: int, unit: Unit, info: str) -> Translated:
    facts = unit.tables.pop("portable_facts").data
    state, out_words, orders = (int.from_bytes(facts[i:i + 4], "little") for i in (0, 4, 8))
    return Translated(name, inputs, unit, info, state, out_words, bool(orders))
