#!/usr/bin/env python3
"""Writes the model files of this folder, and a card beside each, from the files of the packages named in the cards.

usage: convert.py SOURCE_FOLDER [OUTPUT_FOLDER]
needs: numpy, safetensors, ai-edge-litert (only to read the .tflite files)

Every value keeps the precision in which the package stores it: half where the source holds half (exact), single
where batch norms are folded in here or where the source holds single and halving it costs parity (see README.md).
Convolutions become OIHW, depthwise ones [channels, 1, k, k], linear layers [out, in].
"""
import hashlib
import json
import re
import sys
from pathlib import Path

import numpy as np
from safetensors.numpy import save

from cards import CARDS, write_card


def protobuf_fields(data):
    """Yields (number, value) of a protobuf message: integers, raw 4 or 8 bytes, or length-delimited bytes."""
    at = 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while at < len(data):
        tag = varint()
        kind = tag & 7
        if kind == 0:
            yield tag >> 3, varint()
            continue
        size = {5: 4, 1: 8}.get(kind) or varint()
        yield tag >> 3, data[at : at + size]
        at += size


def canonical(source):
    """MediaPipe's GeometryPipelineMetadata: canonical_mesh = 1 (vertex_buffer 3, index_buffer 4), landmark basis = 2."""
    top = list(protobuf_fields(source.read_bytes()))
    mesh = list(protobuf_fields(next(v for f, v in top if f == 1 and isinstance(v, bytes))))
    vertices = np.frombuffer(b"".join(v for f, v in mesh if f == 3), "<f4").reshape(468, 5)
    triangles = np.array([v for f, v in mesh if f == 4], np.int32).reshape(898, 3)
    basis = [dict(protobuf_fields(v)) for f, v in top if f == 2 and isinstance(v, bytes)]
    return {
        "points": vertices[:, :3],
        "uv": vertices[:, 3:],
        "triangles": triangles,
        "basis_index": np.array([b.get(1, 0) for b in basis], np.int32),
        "basis_weight": np.array([np.frombuffer(b[2], "<f4")[0] for b in basis], np.float32),
    }


def tflite_constants(source):
    """Named constants of a .tflite file, as they are stored."""
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(source.read_bytes(), 0))
    types = {schema.TensorType.FLOAT16: np.float16, schema.TensorType.FLOAT32: np.float32}
    constants = {}
    for tensor in model.subgraphs[0].tensors:
        data = model.buffers[tensor.buffer].data
        if data is not None and len(data) and tensor.type in types:
            values = np.frombuffer(bytes(bytearray(data)), types[tensor.type])
            constants[tensor.name.decode()] = values.reshape(tensor.shape)
    return constants


def from_tflite(source, rename):
    """Layers of a .tflite file under our names: `rename` maps a Keras layer name to ours."""
    tensors = {}
    for name, values in tflite_constants(source).items():
        layer, part = name.split("/")
        if part == "Alpha":  # [1, 1, c]
            tensors[f"{rename(layer)}.slope"] = values.reshape(-1)
        elif part == "Bias":
            tensors[f"{rename(layer)}.bias"] = values
        elif "depthwise" in layer:  # [1, k, k, c]
            tensors[f"{rename(layer)}.weight"] = values.transpose(3, 0, 1, 2)
        else:  # [out, k, k, in]
            tensors[f"{rename(layer)}.weight"] = values.transpose(0, 3, 1, 2)
    return tensors


def detector(source):
    """BlazeFace: 31 residual blocks, a separable convolution to the 8x8 map, two heads."""
    fixed = {
        "conv2d": "stem",
        "separable_conv2d__xeno_compat__depthwise": "coarse.depthwise",
        "separable_conv2d": "coarse.pointwise",
        "regressor_16": "boxes_16",
        "regressor_32": "boxes_32",
        "classificator_16": "scores_16",
        "classificator_32": "scores_32",
    }

    def rename(layer):
        if layer in fixed:
            return fixed[layer]
        kind, number = re.fullmatch(r"(conv2d|depthwise_conv2d)_?(\d*)", layer).groups()
        number = int(number or 0)
        return f"blocks.{number - 1}.pointwise" if kind == "conv2d" else f"blocks.{number}.depthwise"

    return from_tflite(source, rename)


def landmarks(source):
    """FaceMesh: 16 residual blocks, then two heads that branch off after block 13 (presence) and 15 (landmarks)."""
    conv = {1: "stem", 19: "landmarks.reduce", 21: "landmarks.out", 29: "presence.reduce", 31: "presence.out"}
    conv |= {i + 2: f"blocks.{i}.pointwise" for i in range(16)}
    conv |= {18: "landmarks.blocks.0.pointwise", 20: "landmarks.blocks.1.pointwise"}
    conv |= {28: "presence.blocks.0.pointwise", 30: "presence.blocks.1.pointwise"}
    depthwise = {i + 1: f"blocks.{i}.depthwise" for i in range(16)}
    depthwise |= {17: "landmarks.blocks.0.depthwise", 18: "landmarks.blocks.1.depthwise"}
    depthwise |= {23: "presence.blocks.0.depthwise", 24: "presence.blocks.1.depthwise"}
    slope = {1: "stem", 18: "landmarks.blocks.0", 19: "landmarks.reduce", 20: "landmarks.blocks.1"}
    slope |= {26: "presence.blocks.0", 27: "presence.reduce", 28: "presence.blocks.1"}
    slope |= {i + 2: f"blocks.{i}" for i in range(16)}
    tables = {"conv2d": conv, "depthwise_conv2d": depthwise, "p_re_lu": slope}

    def rename(layer):
        kind, number = layer.rsplit("_", 1)
        return tables[kind][int(number)]

    return from_tflite(source, rename)


def tfjs_constants(source):
    """Constants of a TensorFlow.js graph model whose weights are stored in half precision."""
    constants, (manifest,) = {}, json.loads(source.read_text())["weightsManifest"]
    data, at = source.with_suffix(".bin").read_bytes(), 0
    for weight in manifest["weights"]:
        stored = weight.get("quantization", weight)["dtype"]
        kind = np.dtype({"float16": "<f2", "float32": "<f4", "int32": "<i4"}[stored])
        count = int(np.prod(weight["shape"], dtype=int))
        constants[weight["name"]] = np.frombuffer(data, kind, count, at).reshape(weight["shape"])
        at += count * kind.itemsize
    assert at == len(data)
    return constants


def identity(source):
    """MobileNet v1 up to its global mean. Age and gender heads are left out; batch norms of the depthwise layers
    (`mul`, and `sub` as their bias) are folded in single precision, the others come folded."""
    c, tensors = tfjs_constants(source), {}

    def pointwise(ours, theirs):
        tensors[f"{ours}.weight"] = c[f"{theirs}/convolution/merged_input"].transpose(3, 2, 0, 1)
        tensors[f"{ours}.bias"] = c[f"{theirs}_bn/batchnorm_1/sub"]

    pointwise("stem", "conv1")
    for i in range(13):
        theirs, ours = f"conv_dw_{i + 1}", f"blocks.{i}.depthwise"
        kernel = c[f"{theirs}/depthwise_kernel"].transpose(2, 3, 0, 1).astype(np.float32)
        scale = c[f"{theirs}_bn/batchnorm_1/mul"].astype(np.float32)
        tensors[f"{ours}.weight"] = kernel * scale[:, None, None, None]
        tensors[f"{ours}.bias"] = c[f"{theirs}_bn/batchnorm_1/sub"]
        pointwise(f"blocks.{i}.pointwise", f"conv_pw_{i + 1}")
    return tensors


def quantised_constants(source):
    """Constants of a TensorFlow.js weights manifest, stored as bytes: value = byte * scale + min."""
    constants, data, at = {}, source.with_suffix("").with_suffix(".bin").read_bytes(), 0
    for weight in json.loads(source.read_text())[0]["weights"]:
        count, q = int(np.prod(weight["shape"], dtype=int)), weight.get("quantization")
        kind = np.dtype(q["dtype"] if q else weight["dtype"])
        values = np.frombuffer(data, kind, count, at).reshape(weight["shape"])
        constants[weight["name"]] = values.astype(np.float32) * q["scale"] + q["min"] if q else values
        at += count * kind.itemsize
    assert at == len(data)
    return constants


def judge(source):
    """dlib's encoder. The scale layers behind the convolutions are folded in; weights are halved, biases are not."""
    c, tensors = quantised_constants(source), {}

    def conv(ours, theirs):
        scale, shift = c[f"{theirs}/scale/weights"], c[f"{theirs}/scale/biases"]
        weight = c[f"{theirs}/conv/filters"].transpose(3, 2, 0, 1) * scale[:, None, None, None]
        tensors[f"{ours}.weight"] = weight.astype(np.float16)
        tensors[f"{ours}.bias"] = (c[f"{theirs}/conv/bias"] * scale + shift).astype(np.float32)

    conv("stem", "conv32_down")
    blocks = [f"conv32_{i}" for i in (1, 2, 3)]
    for width, more in ((64, 3), (128, 2), (256, 2)):
        blocks += [f"conv{width}_down"] + [f"conv{width}_{i + 1}" for i in range(more)]
    for i, theirs in enumerate(blocks + ["conv256_down_out"]):
        for part in ("conv1", "conv2"):
            conv(f"blocks.{i}.{part}", f"{theirs}/{part}")
    tensors["fc.weight"] = c["fc"].T.astype(np.float16)
    return tensors


def population(source):
    """Mean embeddings over 662 photos of 260 people, by encoder."""
    stats = json.loads(source.read_text())
    names = {"dlib_resnet_150": "dlib128", "faceres_224": "faceres1024"}
    return {ours: np.array(stats[theirs]["mean"], np.float32) for ours, theirs in names.items()}


CONVERTERS = {f.__name__: f for f in (canonical, detector, landmarks, identity, judge, population)}


def main(sources, out):
    for name, convert in CONVERTERS.items():
        source = sources / CARDS[name]["source"]["file"]
        tensors = {k: np.ascontiguousarray(v) for k, v in sorted(convert(source).items())}
        data = save(tensors)
        (out / f"{name}.safetensors").write_bytes(data)
        digest = lambda path: hashlib.sha256(path.read_bytes()).hexdigest()
        parts = [source] + [sources / f for f in CARDS[name]["source"].get("parts", [])]
        write_card(out / f"{name}.toml", name, [digest(p) for p in parts], hashlib.sha256(data).hexdigest())
        print(f"{name}: {len(tensors)} tensors, {len(data)} bytes")


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[-1] if len(sys.argv) == 3 else Path(__file__).parent))
