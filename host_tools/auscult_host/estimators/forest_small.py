# SPDX-License-Identifier: Apache-2.0
"""Forest layout `small`: one 32-bit word per split and one table of leaves, walked by a loop.

A split is  threshold:16 | ref:10 | right is a leaf:1 | feature:4 | left is a leaf:1.  Trees are stored parents
first, left subtree before right, so the child that comes first is simply the next word. `ref` then is

    no leaf     distance from the next word to the right child
    left only   class of that leaf, which is pure; the right child is the next word. If the rest of ref is not 0,
                the right child is a leaf after all, an impure one: its place + 1
    right only  the same with sides exchanged
    both        below C * C: the classes of two pure leaves; else C * C + the place of two impure leaves in a row

where C is the number of classes rounded up to a power of two. Places are in the table of leaves, counted from a base
per tree. There a leaf is a run of entries  v | a | b  (a, b classes): class a gets v shares; if a == b another entry
follows, else class b, the largest, gets what is left of the leaf's total: a leaf of two classes takes one entry.
Forests that do not fit (more features, longer distances) use a second word per split for `ref`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .leaf_table import Pair, Run, lay_pairs, lay_singles
from .model_code import c_array
from .trees import Forest, Leaf, Node, Shares, c_proba, leaf_shares, share_total


@dataclass(frozen=True)
class _Split:
    """A split as it is packed: a leaf is its class (pure) or its run of entries, and then never beside a split."""

    feature: int
    threshold: int
    left: "_Split | int | Run"
    right: "_Split | int | Run"


def emit_small(forest: Forest) -> tuple[str, dict[str, Any]]:
    """C source and description."""
    try:
        return _Packer(forest, wide=False).emit()
    except OverflowError:
        return _Packer(forest, wide=True).emit()


class _Packer:
    def __init__(self, forest: Forest, wide: bool) -> None:
        self.forest, self.wide = forest, wide
        self.ref_bits, self.feature_bits = (32, 14) if wide else (10, 4)
        self.class_bits = (forest.n_classes - 1).bit_length()
        # Entries of 16 bits hold shares that are fine enough for few trees and classes.
        self.width = 16 if forest.n_classes <= 4 and len(forest.trees) <= 16 else 32
        self.total = share_total(len(forest.trees), 2**31 - 1, 2 ** (self.width - 2 * self.class_bits + 1) - 2)
        self.trees = [self._prepare_root(tree) for tree in forest.trees]
        self._lay_leaves()

    def _prepare_root(self, tree: Node) -> _Split:
        root = self._prepare(tree)
        return root if isinstance(root, _Split) else _Split(0, 32767, root, 0)

    def _prepare(self, node: Node) -> _Split | int | Run:
        if isinstance(node, Leaf):
            shares = leaf_shares(node, self.total)
            pure = self.total in shares
            return shares.index(self.total) if pure else leaf_entries(shares, self.class_bits)
        left, right = self._prepare(node.left), self._prepare(node.right)
        # An impure leaf beside a split has no code of its own: it gets a split that always goes left.
        if isinstance(left, tuple) and isinstance(right, _Split):
            left = _Split(0, 32767, left, 0)
        if isinstance(right, tuple) and isinstance(left, _Split):
            right = _Split(0, 32767, right, 0)
        return _Split(node.feature, node.threshold, left, right)

    def _lay_leaves(self) -> None:
        singles: list[set[Run]] = []
        pairs: list[set[Pair]] = []
        for tree in self.trees:
            children = [(split.left, split.right) for split in _splits(tree)]
            pairs.append({(a, b) for a, b in children if isinstance(a, tuple) and isinstance(b, tuple)})
            singles.append({a for a, b in children if isinstance(a, tuple) and isinstance(b, int)})
            singles[-1] |= {b for a, b in children if isinstance(b, tuple) and isinstance(a, int)}
        reach = (1 << (self.ref_bits - self.class_bits)) - 1
        self.leaves, self.single_at, self.single_bases = lay_singles(singles, reach)
        joint = lay_pairs(set().union(*pairs))
        one_window = len(joint[0]) + (1 << 2 * self.class_bits) <= 1 << self.ref_bits
        if one_window:
            self.pair_bases = [len(self.leaves)] * len(pairs)
            self.pair_at = [joint[1]] * len(pairs)
            self.leaves += joint[0]
            return
        self.pair_bases, self.pair_at = [], []
        for group in pairs:
            table, places = lay_pairs(group)
            self.pair_bases.append(len(self.leaves))
            self.pair_at.append(places)
            self.leaves += table

    def _ref(self, split: _Split, tree: int) -> tuple[int, int]:
        """(ref, flags: 1 = left, 2 = right)."""
        match split.left, split.right:
            case _Split() as left, _Split():
                return sum(1 for _ in _splits(left)) * (2 if self.wide else 1), 0
            case int(left), _Split():
                return left, 1
            case _Split(), int(right):
                return right, 2
            case int(left), int(right):
                return left | right << self.class_bits, 3
            case int(left), tuple(right):
                return left | (self.single_at[tree][right] - self.single_bases[tree] + 1) << self.class_bits, 1
            case tuple(left), int(right):
                return right | (self.single_at[tree][left] - self.single_bases[tree] + 1) << self.class_bits, 2
            case tuple(left), tuple(right):
                return self.pair_at[tree][left, right] + (1 << 2 * self.class_bits), 3
        raise AssertionError(split)

    def _nodes(self) -> tuple[list[int], list[int]]:
        """(words of all splits, position of each tree's first)."""
        nodes: list[int] = []
        roots = []
        for tree, root in enumerate(self.trees):
            roots.append(len(nodes))
            for split in _splits(root):
                ref, flags = self._ref(split, tree)
                if ref >> self.ref_bits or split.feature >> self.feature_bits:
                    raise OverflowError
                word = (split.threshold & 0xFFFF) << 16 | split.feature << 1 | flags & 1
                word |= flags >> 1 << self.feature_bits + 1
                nodes += [word, ref] if self.wide else [word | ref << 6]
        return nodes, roots

    def emit(self) -> tuple[str, dict[str, Any]]:
        nodes, roots = self._nodes()
        n_classes, class_bits = self.forest.n_classes, self.class_bits
        columns = [roots]
        bases = []
        for values in self.single_bases, self.pair_bases:
            bases.append(f"tree[{len(columns)}]" if len(set(values)) > 1 else str(values[0]))
            if len(set(values)) > 1:
                columns.append(values)
        trees = [value for row in zip(*columns, strict=True) for value in row]
        index = "uint16_t" if max(trees) < 65536 else "uint32_t"
        leaves = self.leaves or [0]
        table_bytes = 4 * len(nodes) + self.width // 8 * len(leaves) + (2 if index == "uint16_t" else 4) * len(trees)

        defines = {
            "AUS_MODEL_CLASSES": n_classes,
            "AUS_MODEL_ACC": n_classes,
            "MODEL_CLASS_BITS": class_bits,
            "MODEL_SHARES": self.total,
            "MODEL_WIDE": int(self.wide),
            "MODEL_TREE_ROW": len(columns),
            "MODEL_TREE_WORDS": len(trees),
            "MODEL_SINGLES": bases[0],
            "MODEL_PAIRS": bases[1],
        }
        source = (
            "".join(f"#define {name} {value}\n" for name, value in defines.items())
            + f"typedef {index} model_tree_t;\ntypedef uint{self.width}_t model_leaf_t;\n"
            + c_array("uint32_t", "model_nodes", nodes, 8)
            + c_array("model_leaf_t", "model_leaves", leaves)
            + c_array("model_tree_t", "model_trees", trees)
            + '#include "model_trees.h"\n'
            + c_proba(n_classes, len(self.trees), self.total)
        )
        return source, {
            "table_bytes": table_bytes,
            "leaf_entries": len(leaves),
            "share_total": self.total,
            "words_per_split": 2 if self.wide else 1,
        }


def _splits(node: _Split | int | Run) -> Iterator[_Split]:
    """Splits of a tree, parents first, left before right."""
    todo = [node]
    while todo:
        node = todo.pop()
        if isinstance(node, _Split):
            yield node
            todo += [node.right, node.left]


def leaf_entries(shares: Shares, class_bits: int) -> Run:
    """An impure leaf's run of entries, smallest share first."""
    present = sorted((share, k) for k, share in enumerate(shares) if share)
    largest = present.pop()[1]
    return tuple(
        share << 2 * class_bits | k << class_bits | (largest if i == len(present) - 1 else k)
        for i, (share, k) in enumerate(present)
    )
