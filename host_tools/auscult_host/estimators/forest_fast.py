# SPDX-License-Identifier: Apache-2.0
"""Forest layout `fast`: every tree is a nest of ifs that picks a row of one table of leaves."""

from collections import Counter
from typing import Any

from .model_code import c_array
from .trees import Forest, Node, Shares, Split, c_proba, leaf_shares, share_total, walk


def emit_fast(forest: Forest) -> tuple[str, dict[str, Any]]:
    """C source and description.

    Class sums are soft votes, one 32-bit word each. Leaves of up to 4 classes have 16-bit shares; with more classes
    narrow wins are common, so shares are finer.
    """
    n_trees, n_classes = len(forest.trees), forest.n_classes
    width = 16 if n_classes <= 4 else 32
    total = share_total(n_trees, 2**31 - 1, 2**width - 1)
    uses = Counter(leaf_shares(leaf, total) for leaf in forest.leaves())
    # The most used first: small numbers make shorter instructions.
    rows: dict[Shares, int] = {shares: row for row, (shares, _) in enumerate(uses.most_common())}

    def emit(node: Node, indent: str) -> str:
        if not isinstance(node, Split):
            return f"{indent}leaf = {rows[leaf_shares(node, total)]};\n"
        return (
            f"{indent}if (x[{node.feature}] <= {node.threshold}) {{\n{emit(node.left, indent + ' ')}"
            f"{indent}}} else {{\n{emit(node.right, indent + ' ')}{indent}}}\n"
        )

    add = " ".join(f"s{k} += leaves[{n_classes} * leaf + {k}];" for k in range(n_classes))
    body = "".join(f"{emit(tree, '    ')}    MODEL_JOIN(leaf);\n    {add}\n" for tree in forest.trees)
    table = [share for shares in rows for share in shares]
    store = "".join(f"    acc[{k}] = (int32_t)s{k};\n" for k in range(n_classes))
    source = f"""#define AUS_MODEL_CLASSES {n_classes}
#define AUS_MODEL_ACC {n_classes}
{c_array(f"uint{width}_t", "model_leaves", table)}
#ifdef __GNUC__
#define MODEL_JOIN(v) __asm__("" : "+r"(v)) // the branches of a tree meet here, with no more than v
#else
#define MODEL_JOIN(v)
#endif
// For size: -O2 copies the ends of branches, which gains nothing here and costs up to a quarter more code.
#ifdef __GNUC__
__attribute__((optimize("Os")))
#endif
static int aus_model(const int16_t *x, int32_t *acc) {{
    uint32_t {", ".join(f"s{k} = 0" for k in range(n_classes))};
    unsigned leaf;
    const uint{width}_t *leaves = model_leaves;
    MODEL_JOIN(leaves);
    (void)x; // a tree may have no split
{body}{store}    int best = 0;
    for (int k = 1; k < {n_classes}; k++) {{
        if (acc[k] > acc[best]) best = k;
    }}
    return best;
}}
{c_proba(n_classes, n_trees, total)}"""
    # what makes a split or a leaf take more than its shortest code
    splits = [node for tree in forest.trees for node in walk(tree) if isinstance(node, Split)]
    wide = {"wide_limits": sum(not 0 <= split.threshold < 256 for split in splits),
            "wide_leaves": sum(rows[leaf_shares(leaf, total)] > 255 for leaf in forest.leaves())}
    return source, {"leaf_rows": len(rows), "table_bytes": width // 8 * len(table), "share_total": total} | wide
