# SPDX-License-Identifier: Apache-2.0
"""Writes the files of this folder with Keras itself, and what it says of some rows.

KERAS_BACKEND=numpy python write_keras.py: needs the packages keras and jax, which are too large for a test's sake.
"""

from pathlib import Path

import keras
import numpy as np

layers, folder, rng = keras.layers, Path(__file__).parent, np.random.default_rng(0)
said = {"rows": np.round(rng.normal(0, 3000, (300, 6))).astype(np.int16)}
rows = said["rows"].astype("float32")
normal = layers.Normalization()
normal.adapt(rows)
chain = keras.Sequential([
    keras.Input((6,)), normal, layers.Dense(12, activation="relu", name="mine"), layers.BatchNormalization(),
    layers.Dropout(0.2), layers.Dense(8), layers.ReLU(), layers.Dense(4, name="other"), layers.Softmax()])
inputs = keras.Input((6,))
x = layers.Rescaling(1 / 3000)(inputs)
x = layers.Dense(5, activation="tanh", use_bias=False)(x)
x = layers.Dense(1)(x)
graph = keras.Model(inputs, layers.Activation("sigmoid")(x))
strange = keras.Sequential([keras.Input((6,)), layers.Dense(4, activation="gelu"), layers.Dense(3)])
skip = layers.Dense(6)(inputs)
skip = keras.Model(inputs, layers.Dense(3, activation="softmax")(layers.Add()([inputs, skip])))
for name, model in {"chain": chain, "graph": graph, "strange": strange, "skip": skip}.items():
    for layer in model.layers:
        if layer.name != normal.name:
            layer.set_weights([w + rng.normal(0, 0.5, w.shape) ** 2 for w in layer.get_weights()] if "batch" in layer.name
                              else [w * 2 + rng.normal(0, 0.1, w.shape) for w in layer.get_weights()])
    said[name] = np.asarray(model(rows, training=False))
    model.save(folder / (name + ".keras"))
    model.save(folder / (name + ".h5"))
np.savez_compressed(folder / "said.npz", **said)
