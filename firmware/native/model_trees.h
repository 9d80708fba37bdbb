// SPDX-License-Identifier: Apache-2.0
// Walks a packed forest; the host's estimators/forest_small.py says how splits and leaves are packed.
//
// The generated code before this file has the tables model_nodes, model_leaves, model_trees (a row per tree: first word,
// then bases of its leaves where they differ between trees) and
//   AUS_MODEL_CLASSES, MODEL_CLASS_BITS (bits of a class in a leaf), MODEL_SHARES (sum of the shares of a leaf)
//   MODEL_WIDE (1: a second word per split holds ref), MODEL_TREE_ROW (columns of model_trees), MODEL_TREE_WORDS (its size)
//   MODEL_SINGLES, MODEL_PAIRS: where a tree's leaves begin in model_leaves, may use `tree`.
#ifndef MODEL_TREES_H
#define MODEL_TREES_H
#include <stdint.h>

#ifdef __GNUC__
#define MODEL_FORGET(v) __asm__("" : "+r"(v)) // the compiler forgets what it knows about v
#define MODEL_RARE(c) __builtin_expect(c, 0)
#else
#define MODEL_FORGET(v)
#define MODEL_RARE(c) (c)
#endif
#define MODEL_CLASS_MASK ((1u << MODEL_CLASS_BITS) - 1)
#define MODEL_LEFT 1u // the left child is a leaf
#if MODEL_WIDE
#define MODEL_RIGHT (1u << 15)
#define MODEL_FEATURE 0x7ffeu // feature * 2: its distance in bytes
#else
#define MODEL_RIGHT (1u << 5)
#define MODEL_FEATURE 0x1eu
#endif
#define MODEL_PURE_PAIRS (1u << 2 * MODEL_CLASS_BITS)
// The classes of an entry as distances in bytes, which saves shifts.
#define MODEL_A(e) ((e) >> MODEL_CLASS_BITS << 2 & MODEL_CLASS_MASK << 2)
#define MODEL_B(e) (((e) & MODEL_CLASS_MASK) << 2)
#define MODEL_AT(acc, bytes) (*(int32_t *)((char *)(acc) + (bytes)))

static int aus_model(const int16_t *x, int32_t *acc) {
    for (int k = 0; k < AUS_MODEL_CLASSES; k++) acc[k] = 0;
    for (int t = 0; t < MODEL_TREE_WORDS; t += MODEL_TREE_ROW) {
        const model_tree_t *tree = model_trees + t;
        const uint32_t *next = model_nodes + tree[0];
        const model_leaf_t *leaf = 0;
        uint32_t split, ref, k;
        int32_t value;
        for (;;) {
            for (;;) { // from split to split
                split = *next++;
#if MODEL_WIDE
                ref = *next++;
#endif
                // The low half of the word only adds a fraction to the threshold: x <= threshold stays exact.
                value = (int32_t)((uint32_t)*(const int16_t *)((const char *)x + (split & MODEL_FEATURE)) << 16);
                if (split & (MODEL_LEFT | MODEL_RIGHT)) break;
                if (MODEL_RARE(value > (int32_t)split)) { // not rare, but laid out best so
#if MODEL_WIDE
                    next += ref;
#else
                    next = (const uint32_t *)((const char *)next + (split >> 4 & 0xffc));
#endif
                }
            }
            MODEL_FORGET(next); // reads the word again: keeping parts of it would cost every turn above
            uint32_t sides = next[MODEL_WIDE ? -2 : -1];
#if !MODEL_WIDE
            ref = sides >> 6 & 0x3ff;
#endif
            k = ref;
            if (value > (int32_t)sides) {
                if (sides & MODEL_RIGHT) {
                    if (!(sides & MODEL_LEFT)) break;
                    k = ref >> MODEL_CLASS_BITS;
                    if (ref < MODEL_PURE_PAIRS) break;
                    leaf = model_leaves + (MODEL_PAIRS) + ref - MODEL_PURE_PAIRS;
                    do { k = *leaf++; } while (MODEL_A(k) == MODEL_B(k));
                    break;
                }
            } else if (sides & MODEL_LEFT) {
                if (!(sides & MODEL_RIGHT) || ref < MODEL_PURE_PAIRS) break;
                leaf = model_leaves + (MODEL_PAIRS) + ref - MODEL_PURE_PAIRS;
                break;
            }
            ref >>= MODEL_CLASS_BITS;
            if (ref) {
                leaf = model_leaves + (MODEL_SINGLES) + ref - 1;
                break;
            }
        }
        int32_t rest = MODEL_SHARES;
        k = MODEL_B(k);
        if (leaf) {
            uint32_t e;
            do {
                e = *leaf++;
                k = MODEL_B(e);
                int32_t shares = (int32_t)(e >> 2 * MODEL_CLASS_BITS);
                MODEL_AT(acc, MODEL_A(e)) += shares;
                rest -= shares;
            } while (MODEL_A(e) == k);
        }
        MODEL_AT(acc, k) += rest;
    }
    int best = 0;
    for (int k = 1; k < AUS_MODEL_CLASSES; k++) {
        if (acc[k] > acc[best]) best = k;
    }
    return best;
}

#endif
