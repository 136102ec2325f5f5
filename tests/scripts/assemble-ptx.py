#!/usr/bin/env python3
"""Assembles every cuda/ptx/*.ptx for real devices and fails on spills or on more resources than the table allows.

    assemble-ptx.py            checks against cuda/ptx/RESOURCES
    assemble-ptx.py --update   writes the table anew: for a change that is meant, to be reviewed like code
"""

import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
TABLE = ROOT / "cuda/ptx/RESOURCES"
ARCHITECTURES = ("sm_80", "sm_90")
HEAD = """# Registers of a thread and bytes of static shared memory of a block, as ptxas 13.0.88 assembles each kernel.
# A kernel may use less. Checked by tests/scripts/assemble-ptx.py; written by it with --update.
# kernel architecture registers shared
"""


def assemble(ptxas, ptx, architecture):
    """Yields (kernel, registers, shared bytes, stack and spill bytes) of one file."""
    command = [ptxas, f"-arch={architecture}", "-v", str(ptx), "-o", "/dev/null"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        sys.exit(f"assemble-ptx: {ptx.relative_to(ROOT)} for {architecture}:\n{result.stderr}")
    kernel, spilled = None, None
    for line in result.stderr.splitlines():
        if match := re.search(r"Compiling entry function '(\w+)'", line):
            kernel, spilled = match[1], None
        elif match := re.search(r"(\d+) bytes spill stores, (\d+) bytes spill loads", line):
            spilled = int(match[1]) + int(match[2])
        elif match := re.search(r"Used (\d+) registers", line):
            if kernel is None or spilled is None:
                sys.exit(f"assemble-ptx: ptxas reports in a form that is not understood: {line}")
            shared = re.search(r"(\d+) bytes smem", line)
            yield kernel, int(match[1]), int(shared[1]) if shared else 0, spilled
            kernel = None


def main():
    ptxas = next((ROOT / "target/cuda-tools").glob("lib/python*/site-packages/nvidia/cu13/bin/ptxas"), None)
    if ptxas is None:
        sys.exit("assemble-ptx: no ptxas; run tests/scripts/setup-cuda")
    found, failures = {}, []
    for ptx in sorted(ROOT.glob("cuda/ptx/*.ptx")):
        entries = set(re.findall(r"\.entry (\w+)", ptx.read_text()))
        for architecture in ARCHITECTURES:
            kernels = list(assemble(ptxas, ptx, architecture))
            if {kernel for kernel, *_ in kernels} != entries:
                failures.append(f"{ptx.name} for {architecture}: ptxas reports other kernels than the text has")
            for kernel, registers, shared, spilled in kernels:
                found[kernel, architecture] = registers, shared
                if spilled:
                    failures.append(f"{kernel} for {architecture} spills {spilled} bytes")
    if sys.argv[1:] == ["--update"]:
        lines = [f"{kernel} {architecture} {registers} {shared}\n"
                 for (kernel, architecture), (registers, shared) in sorted(found.items())]
        TABLE.write_text(HEAD + "".join(lines))
    allowed = {}
    for line in TABLE.read_text().splitlines():
        if not line.startswith("#"):
            kernel, architecture, registers, shared = line.split()
            allowed[kernel, architecture] = int(registers), int(shared)
    for key, (registers, shared) in sorted(found.items()):
        if key not in allowed:
            failures.append(f"{key[0]} for {key[1]} is not in the table")
        elif registers > allowed[key][0] or shared > allowed[key][1]:
            failures.append(f"{key[0]} for {key[1]} uses {registers} registers and {shared} bytes of shared memory; "
                            f"the table allows {allowed[key][0]} and {allowed[key][1]}")
    failures += [f"the table names {key[0]} for {key[1]}, which no PTX has" for key in sorted(allowed.keys() - found.keys())]
    for failure in failures:
        print(f"assemble-ptx: {failure}", file=sys.stderr)
    if failures:
        sys.exit("assemble-ptx: if it is meant, run tests/scripts/assemble-ptx.py --update and commit cuda/ptx/RESOURCES")
    print(f"assemble-ptx: {len(found)} kernels assembled for {' and '.join(ARCHITECTURES)}, no spills")


if __name__ == "__main__":
    main()
