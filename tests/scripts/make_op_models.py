"""Writes small ONNX files under tests/models/ops, one or a few operators each, with inputs and the
outputs of onnx's reference evaluator.

    .venv/bin/python tests/scripts/make_op_models.py      (environment: see train_models.py)

Deterministic. Not part of CI: the files are committed.
"""

import pathlib

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

OUT = pathlib.Path(__file__).resolve().parents[1] / "models" / "ops"
rng = np.random.default_rng(0)


def r(*shape, size=0.5):
    return rng.uniform(-size, size, shape).astype(np.float32)


def ints(*values):
    return np.array(values, dtype=np.int64)


def save(name, shape, nodes, constants=None, reference=True, opset=17):
    """Nodes are (op, inputs, output, attributes); the graph reads `x` and returns `y`."""
    made = [helper.make_node(op, i, [o], name=f"{op.lower()}_{o}", **a) for op, i, o, a in nodes]
    info = helper.make_tensor_value_info
    graph = helper.make_graph(
        made,
        name,
        [info("x", TensorProto.FLOAT, shape)],
        [info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(v, k) for k, v in (constants or {}).items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    model = onnx.shape_inference.infer_shapes(model) if reference else model
    onnx.save(model, OUT / f"{name}.onnx")
    if reference:
        x = rng.uniform(-1, 1, (4, *shape)).astype(np.float32)
        run = ReferenceEvaluator(model)
        y = np.stack([run.run(None, {"x": v})[0] for v in x]).astype(np.float32)
        np.savez(OUT / f"{name}.npz", x=x, y=y)


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    image = [1, 4, 7, 6]
    one = lambda op, inputs=("x",), **a: [(op, list(inputs), "y", a)]
    save("gemm", [3, 5], one("Gemm", ("x", "w", "b"), alpha=0.5, beta=2.0), {"w": r(5, 4), "b": r(4)})
    save("gemm_transposed", [5, 3], one("Gemm", ("x", "w"), transA=1, transB=1), {"w": r(4, 5)})
    save("gemm_scalar_bias", [3, 5], one("Gemm", ("x", "w", "b"), transB=1), {"w": r(4, 5), "b": r(1)})
    save("matmul", [3, 5], one("MatMul", ("x", "w")), {"w": r(5, 6)})
    save("matmul_batched", [2, 3, 5], one("MatMul", ("x", "w")), {"w": r(5, 4)})
    save("conv", image, one("Conv", ("x", "w", "b")), {"w": r(3, 4, 3, 3), "b": r(3)})
    save("conv_strides_pads", image, one("Conv", ("x", "w"), strides=[2, 1], pads=[0, 1, 2, 1]), {"w": r(3, 4, 3, 2)})
    save("conv_same_upper", image, one("Conv", ("x", "w"), auto_pad="SAME_UPPER", strides=[2, 2]), {"w": r(3, 4, 3, 3)})
    save("conv_same_lower", image, one("Conv", ("x", "w"), auto_pad="SAME_LOWER"), {"w": r(3, 4, 2, 2)})
    save("conv_dilated", image, one("Conv", ("x", "w"), dilations=[2, 3]), {"w": r(3, 4, 3, 2)})
    save("conv_grouped", image, one("Conv", ("x", "w"), group=2, pads=[1, 1, 1, 1]), {"w": r(6, 2, 3, 3)})
    save("conv_depthwise", image, one("Conv", ("x", "w", "b"), group=4), {"w": r(4, 1, 3, 3), "b": r(4)})
    save("conv_1d", [1, 3, 9], one("Conv", ("x", "w"), pads=[1, 0]), {"w": r(2, 3, 3)})
    norm = {"s": r(3) + 1, "t": r(3), "m": r(3), "v": np.abs(r(3)) + 0.5}
    names = ["s", "t", "m", "v"]
    save(
        "batchnorm_folded",
        image,
        [("Conv", ["x", "w"], "c", {}), ("BatchNormalization", ["c", *names], "y", {"epsilon": 1e-3})],
        {"w": r(3, 4, 3, 3), **norm},
    )
    save(
        "batchnorm_shared",
        image,
        [
            ("Conv", ["x", "w"], "c", {}),
            ("BatchNormalization", ["c", *names], "n", {}),
            ("Add", ["c", "n"], "y", {}),
        ],
        {"w": r(3, 4, 3, 3), **norm},
    )
    save("batchnorm_alone", [1, 3, 4, 4], one("BatchNormalization", ("x", *names)), norm)
    pools = {
        "k2s2": dict(kernel_shape=[2, 2], strides=[2, 2]),
        "padded": dict(kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]),
        "ceil": dict(kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1),
        "default_stride": dict(kernel_shape=[3, 2]),
    }
    for name, attributes in pools.items():
        save(f"maxpool_{name}", image, one("MaxPool", **attributes))
        save(f"averagepool_{name}", image, one("AveragePool", **attributes))
    save("maxpool_dilated", image, one("MaxPool", kernel_shape=[2, 2], dilations=[2, 3]))
    save("averagepool_include_pad", image, one("AveragePool", count_include_pad=1, **pools["padded"]))
    save("global_average_pool", image, one("GlobalAveragePool"))
    for op in ("Relu", "Sigmoid", "Tanh", "Neg"):
        save(op.lower(), [2, 5], one(op))
    save("leaky_relu", [2, 5], one("LeakyRelu"))
    save("leaky_relu_alpha", [2, 5], one("LeakyRelu", alpha=0.3))
    bound = {"lo": np.float32(-0.25), "hi": np.float32(0.5)}
    save("clip", [2, 5], one("Clip", ("x", "lo", "hi")), bound)
    save("clip_min", [2, 5], one("Clip", ("x", "lo")), {"lo": bound["lo"]})
    for op in ("Add", "Sub", "Mul", "Div"):
        save(f"{op.lower()}_constant", [2, 3, 4], one(op, ("x", "c")), {"c": r(3, 1) + 1})
    save("constant_minus", [2, 3], one("Sub", ("c", "x")), {"c": r(3)})
    save(
        "residual",
        [2, 4],
        [
            ("MatMul", ["x", "w"], "a", {}),
            ("Relu", ["a"], "b", {}),
            ("Add", ["b", "x"], "c", {}),
            ("Mul", ["c", "a"], "d", {}),
            ("Sub", ["d", "x"], "y", {}),
        ],
        {"w": r(4, 4)},
    )
    save("concat", [2, 3, 2], [("Tanh", ["x"], "t", {}), ("Concat", ["x", "t", "x"], "y", {"axis": -2})])
    save("slice", [4, 6], one("Slice", ("x", "s", "e", "a", "d")), {"s": ints(-1, 1), "e": ints(-100, 6), "a": ints(0, 1), "d": ints(-1, 2)})
    save("slice_plain", [4, 6], one("Slice", ("x", "s", "e")), {"s": ints(1, -3), "e": ints(3, 100)})
    save("pad", [2, 3], one("Pad", ("x", "p", "v")), {"p": ints(1, 0, 0, 2), "v": np.float32(0.75)})
    save("flatten", [2, 3, 2], one("Flatten"))
    save("flatten_axis", [2, 3, 2], one("Flatten", axis=-1))
    save("reshape", [2, 3, 4], one("Reshape", ("x", "s")), {"s": ints(0, -1, 2)})
    save("transpose", [2, 3, 4], one("Transpose"))
    save("transpose_perm", [2, 3, 4], one("Transpose", perm=[1, 2, 0]))
    save("squeeze", [1, 3, 1, 2], one("Squeeze", ("x", "a")), {"a": ints(-2)})
    save("squeeze_all", [1, 3, 1, 2], one("Squeeze"))
    save("unsqueeze", [3, 2], one("Unsqueeze", ("x", "a")), {"a": ints(0, -1)})
    save(
        "names_only",
        [2, 3],
        [
            ("Identity", ["x"], "a", {}),
            ("Dropout", ["a"], "b", {}),
            ("Cast", ["b"], "c", {"to": TensorProto.FLOAT}),
            ("Relu", ["c"], "y", {}),
        ],
    )
    save(
        "names_of_parts",
        [2, 3],
        [
            ("Relu", ["x"], "sub_d.negated", {}),
            ("Sub", ["c", "x"], "d", {}),
            ("Add", ["sub_d.negated", "d"], "y", {}),
        ],
        {"c": r(3)},
    )
    for op, more in (("Erf", {}), ("Softmax", {}), ("LSTM", {})):
        save(f"unsupported_{op.lower()}", [2, 3], one(op, **more), reference=False)
    save("unsupported_cast_to_integer", [2, 3], one("Cast", to=TensorProto.INT64), reference=False)
    save("unsupported_pad_mode", [2, 3], one("Pad", ("x", "p"), mode="reflect"), {"p": ints(0, 1, 0, 1)}, reference=False)
    save("unsupported_matmul_of_activations", [3, 3], one("MatMul", ("x", "x")), reference=False)
    save("unsupported_nan_weight", [2, 3], one("Add", ("x", "c")), {"c": np.array([1, np.nan, 2], np.float32)}, reference=False)
    # Read carelessly, each of these is another network than the file's, or one that no standard defines.
    refused = {
        "attribute_type": one("LeakyRelu", alpha=1),
        "attribute_of_another": one("Flatten", axes=[1]),
        "third_input": one("Add", ("x", "c", "c")),
        "pads_and_auto_pad": one("MaxPool", ("x",), kernel_shape=[2], auto_pad="VALID", pads=[1, 1]),
        "window_after_the_input": one("MaxPool", kernel_shape=[1], strides=[2], ceil_mode=1),
        "axis_sliced_twice": one("Slice", ("x", "s", "e", "a")),
        "axis_padded_twice": one("Pad", ("x", "p", "", "a")),
        "axes_twice": one("Unsqueeze", ("x", "a"), axes=[0]),
        "bound_twice": one("Clip", ("x", "lo"), min=-1.0),
        "training": one("Dropout", is_test=0),
    }
    constants = {"c": r(4), "s": ints(0, 1), "e": ints(3, 3), "a": ints(1, -2), "p": ints(0, 1, 1, 0), "lo": np.float32(0)}
    for name, nodes in refused.items():
        used = {k: v for k, v in constants.items() if k in nodes[0][1]}
        save(f"unsupported_{name}", [1, 3, 4], nodes, used, reference=False)
    for opset in (6, 23):
        save(f"unsupported_opset_{opset}", [2, 3], one("Relu"), reference=False, opset=opset)


main()
