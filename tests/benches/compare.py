"""Compares whole commands with ezkl on the same ONNX files, in one run.

    python3 tests/benches/compare.py [mlp] [lenet5]

Installs ezkl 23.0.5 into an environment of its own under target/compare and builds stwo-ml in
release mode. ezkl's setup of LeNet-5 takes minutes and 11 GB of memory. Not part of CI. Prints a
table; compare the ratios of one run only.
"""

import json
import os
import pathlib
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
WORK = ROOT / "target" / "compare"
MODELS = ROOT / "tests" / "models"

EZKL = """
import asyncio, inspect, json, resource, sys, time
import ezkl, numpy, onnx
onnx_path, digit = sys.argv[1:]
model = onnx.load(onnx_path)
for value in (*model.graph.input, *model.graph.output):
    value.type.tensor_type.shape.dim[0].dim_value = 1
# ezkl insists on attributes for which ONNX has defaults.
for node in model.graph.node:
    if node.op_type in ("Conv", "MaxPool"):
        given = {a.name for a in node.attribute}
        for name, values in (("strides", [1, 1]), ("pads", [0] * 4), ("dilations", [1, 1])):
            if name not in given and (name, node.op_type) != ("dilations", "MaxPool"):
                node.attribute.append(onnx.helper.make_attribute(name, values))
onnx.save(model, "fixed.onnx")
json.dump({"input_data": [numpy.load(digit).reshape(-1).tolist()]}, open("input.json", "w"))
times = {}
def step(name, call):
    async def go():
        result = call()
        return await result if inspect.isawaitable(result) else result
    start = time.perf_counter()
    result = asyncio.run(go())
    times[name] = times.get(name, 0) + time.perf_counter() - start
    return result
args = ezkl.PyRunArgs()
args.input_visibility = args.output_visibility = "public"
args.param_visibility = "fixed"
step("setup", lambda: ezkl.gen_settings("fixed.onnx", "settings.json", py_run_args=args))
step("setup", lambda: ezkl.calibrate_settings("input.json", "fixed.onnx", "settings.json", "resources"))
step("setup", lambda: ezkl.compile_circuit("fixed.onnx", "model.compiled", "settings.json"))
logrows = json.load(open("settings.json"))["run_args"]["logrows"]
step("srs", lambda: ezkl.gen_srs("kzg.srs", logrows))
step("setup", lambda: ezkl.setup("model.compiled", "vk.key", "pk.key", "kzg.srs"))
step("prove", lambda: ezkl.gen_witness("input.json", "model.compiled", "witness.json"))
step("prove", lambda: ezkl.prove("witness.json", "model.compiled", "pk.key", "proof.json", "kzg.srs"))
assert step("verify", lambda: ezkl.verify("proof.json", "settings.json", "vk.key", "kzg.srs"))
times["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps(times))
"""


def run(command, cwd=None):
    start = time.perf_counter()
    done = subprocess.run(command, cwd=cwd, check=True, capture_output=True, text=True)
    return time.perf_counter() - start, done.stdout


def ours(name):
    """Median of five whole processes each."""
    binary = ROOT / "target" / "release" / "stwo-ml"
    model, proof = WORK / f"{name}.stwoml", WORK / f"{name}.bin"
    compile_ = [binary, "compile", MODELS / f"{name}.onnx", "--calibrate", MODELS / "digits.npz", "-o", model]
    prove = [binary, "--json", "prove", model, "--input", MODELS / "digit.npy", "-o", proof]
    verify = [binary, "--json", "verify", "--vk", model.with_suffix(".vk"), proof]
    median = lambda command: sorted(run(command)[0] for _ in range(5))[2]
    result = {"setup": median(compile_), "prove": median(prove), "verify": median(verify)}
    child = subprocess.Popen(prove, stdout=subprocess.DEVNULL)
    result["peak_mb"] = os.wait4(child.pid, 0)[2].ru_maxrss / 1024
    result["proof_bytes"] = proof.stat().st_size
    return result


def main():
    names = sys.argv[1:] or ["mlp", "lenet5"]
    WORK.mkdir(parents=True, exist_ok=True)
    print("building stwo-ml", flush=True)
    run(["cargo", "build", "--release", "--locked", "-p", "stwo-ml"], ROOT)
    mine = {name: ours(name) for name in names}
    for name, result in mine.items():
        print(name, "stwo-ml", json.dumps(result), flush=True)
    python = WORK / "venv" / "bin" / "python"
    if not python.exists():
        print("installing ezkl", flush=True)
        run([sys.executable, "-m", "venv", WORK / "venv"])
        run([python, "-m", "pip", "install", "-q", "ezkl==23.0.5", "onnx==1.17.0", "numpy==1.26.4"])
    for name in names:
        folder = WORK / f"ezkl-{name}"
        folder.mkdir(exist_ok=True)
        _, out = run([python, "-c", EZKL, MODELS / f"{name}.onnx", MODELS / "digit.npy"], folder)
        theirs = json.loads(out.strip().splitlines()[-1])
        print(name, "ezkl   ", json.dumps(theirs), flush=True)
        for key in ("setup", "prove", "verify"):
            print(f"{name}: {key} {theirs[key] / mine[name][key]:.1f} times as fast as ezkl")


main()
