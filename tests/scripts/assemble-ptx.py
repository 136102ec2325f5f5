#!/usr/bin/env python3
"""Assembles every cuda/ptx/*.ptx for real devices and fails on spills or on more resources or machine
instructions than the table allows: without a GPU, instructions stand in for time.

    assemble-ptx.py            checks against cuda/ptx/RESOURCES
    assemble-ptx.py --update   writes the table anew: for a change that is meant, to be reviewed like code
"""

import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
TABLE = ROOT / "cuda/ptx/RESOURCES"
ARCHITECTURES = ("sm_80", "sm_90")
COLUMNS = ("registers", "bytes of shared memory", "instructions")
HEAD = """# What ptxas 13.0.88 makes of each kernel: registers of a thread, bytes of static shared memory of a block,
# machine instructions (each counted once, loops too), and how many of these the ALU and the multiplier run.
# A kernel may use less of the first three. Checked by tests/scripts/assemble-ptx.py; written by it with --update.
# kernel architecture registers shared instructions alu multiplier
"""
# By the mnemonic up to its first dot. What is in neither (loads, stores, branches, moves of the uniform
# datapath, conversions) only takes a place in the issue.
MULTIPLIER = {"IMAD"}
ALU = {"IADD3", "IADD", "VIADD", "VIADDMNMX", "VIMNMX", "IMNMX", "LOP3", "LOP", "PLOP3", "SHF", "LEA", "PRMT", "ISETP", "SEL",
       "MOV", "IABS", "BMSK", "SGXT", "P2R", "R2P", "VOTE"}


def tool(name):
    found = next((ROOT / "target/cuda-tools").glob(f"lib/python*/site-packages/nvidia/cu13/bin/{name}"), None)
    if found is None:
        sys.exit(f"assemble-ptx: no {name}; run tests/scripts/setup-cuda")
    return found


def instructions(nvdisasm, cubin):
    """(All, of the ALU, of the multiplier) by kernel."""
    result = subprocess.run([nvdisasm, "-c", str(cubin)], capture_output=True, text=True, check=False)
    if result.returncode != 0:
        sys.exit(f"assemble-ptx: nvdisasm: {result.stderr}")
    counts, kernel = {}, None
    for line in result.stdout.splitlines():
        if match := re.match(r"\.text\.(\w+):$", line):
            kernel = match[1]
            counts[kernel] = [0, 0, 0]
        elif match := re.match(r"\s+/\*[0-9a-f]+\*/\s+(?:@!?U?P\w+ )?(\w+)", line):
            # No operations pad the end.
            if match[1] != "NOP":
                counts[kernel][0] += 1
                counts[kernel][1] += match[1] in ALU
                counts[kernel][2] += match[1] in MULTIPLIER
    return {kernel: tuple(found) for kernel, found in counts.items()}


def assemble(ptxas, ptx, architecture, cubin):
    """Yields (kernel, registers, shared bytes, stack and spill bytes) of one file."""
    command = [ptxas, f"-arch={architecture}", "-v", str(ptx), "-o", str(cubin)]
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
    ptxas, nvdisasm = tool("ptxas"), tool("nvdisasm")
    found, failures = {}, []
    folder = tempfile.TemporaryDirectory()
    cubin = pathlib.Path(folder.name) / "cubin"
    for ptx in sorted(ROOT.glob("cuda/ptx/*.ptx")):
        entries = set(re.findall(r"\.entry (\w+)", ptx.read_text()))
        for architecture in ARCHITECTURES:
            kernels = list(assemble(ptxas, ptx, architecture, cubin))
            counts = instructions(nvdisasm, cubin)
            if {kernel for kernel, *_ in kernels} != entries or counts.keys() != entries:
                sys.exit(f"assemble-ptx: {ptx.name} for {architecture}: other kernels come out than the text has")
            for kernel, registers, shared, spilled in kernels:
                found[kernel, architecture] = registers, shared, *counts[kernel]
                if spilled:
                    failures.append(f"{kernel} for {architecture} spills {spilled} bytes")
    if sys.argv[1:] == ["--update"]:
        lines = [" ".join(map(str, (*key, *numbers))) + "\n" for key, numbers in sorted(found.items())]
        TABLE.write_text(HEAD + "".join(lines))
    allowed = {}
    for line in TABLE.read_text().splitlines():
        if not line.startswith("#"):
            kernel, architecture, *numbers = line.split()
            allowed[kernel, architecture] = tuple(map(int, numbers))
    for key, numbers in sorted(found.items()):
        if key not in allowed:
            failures.append(f"{key[0]} for {key[1]} is not in the table")
            continue
        for name, number, most in zip(COLUMNS, numbers, allowed[key]):
            if number > most:
                failures.append(f"{key[0]} for {key[1]} has {number} {name}; the table allows {most}")
    failures += [f"the table names {key[0]} for {key[1]}, which no PTX has" for key in sorted(allowed.keys() - found.keys())]
    for failure in failures:
        print(f"assemble-ptx: {failure}", file=sys.stderr)
    if failures:
        sys.exit("assemble-ptx: if it is meant, run tests/scripts/assemble-ptx.py --update and commit cuda/ptx/RESOURCES")
    print(f"assemble-ptx: {len(found)} kernels assembled for {' and '.join(ARCHITECTURES)}, no spills")


if __name__ == "__main__":
    main()
