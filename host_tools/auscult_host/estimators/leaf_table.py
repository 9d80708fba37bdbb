# SPDX-License-Identifier: Apache-2.0
"""Short tables of leaves for the packed forest: single leaves, and leaves that must stand side by side."""

from collections import defaultdict

Run = tuple[int, ...]  # the words of one leaf
Pair = tuple[Run, Run]


def lay_singles(groups: list[set[Run]], reach: int) -> tuple[list[int], list[dict[Run, int]], list[int]]:
    """(table, position of each leaf for each group, base of each group) for one group of leaves per tree.

    All leaves of a group start in base .. base + reach - 1, so short distances address them; groups share leaves
    as far as the reach allows.
    """
    table: list[int] = []
    found: dict[Run, int] = {}
    places: list[dict[Run, int]] = []
    bases: list[int] = []
    for group in groups:
        base = 0
        while True:  # what is laid anew moves the base up, which may put an older copy out of reach
            new = sorted(leaf for leaf in group if found.get(leaf, -1) < base)
            needed = len(table) + sum(map(len, new)) - reach
            if not new or needed <= base:
                break
            base = needed
        for leaf in new:
            found[leaf] = len(table)
            table.extend(leaf)
        places.append({leaf: found[leaf] for leaf in group})
        bases.append(base)
    return table, places, bases


def lay_pairs(pairs: set[Pair]) -> tuple[list[int], dict[Pair, int]]:
    """(table, position of each pair's first leaf).

    Pairs are the edges of a graph whose vertices are leaves; a walk along edges lays leaves in a row in which
    every two neighbours are a pair that is wanted. Walks start at leaves with more outgoing than incoming edges,
    which keeps the number of walks small.
    """
    out: dict[Run, list[Run]] = defaultdict(list)
    surplus: dict[Run, int] = defaultdict(int)
    for left, right in sorted(pairs):
        out[left].append(right)
        surplus[left] += 1
        surplus[right] -= 1
    table: list[int] = []
    places: dict[Pair, int] = {}
    for leaf in sorted(surplus, key=lambda leaf: (-surplus[leaf], leaf)):
        walks = max(0, surplus[leaf])
        while out[leaf] and (walks > 0 or surplus[leaf] <= 0):
            walks -= 1
            here = leaf
            while out[here]:
                there = max(out[here], key=lambda next_leaf: (len(out[next_leaf]), next_leaf))
                out[here].remove(there)
                places[here, there] = len(table)
                table.extend(here)
                here = there
            table.extend(here)
    return table, places
