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
HEAD = """# What ptxas 13.0.88 makes of each kernel: registers of a thread, bytes of static shared memory of a block and
# machine instructions (each counted once, loops too); of its longest innermost loop the instructions of PTX, the
# machine instructions, and how many of these the ALU and the multiplier run. A kernel may use less of the first
# three. Checked by tests/scripts/assemble-ptx.py; written by it with --update.
# kernel architecture registers shared instructions ptx_loop loop alu multiplier
"""
# By the mnemonic up to its first dot. What is in neither (loads, stores, branches, moves of the uniform
# datapath, conversions) only takes a place in the issue.
MULTIPLIER = {"IMAD"}
ALU = {"IADD3", "IADD", "VIADD", "VIADDMNMX", "VIMNMX", "IMNMX", "LOP3", "LOP", "PLOP3", "SHF", "LEA", "PRMT", "ISETP", "SEL",
       "MOV", "IABS", "BMSK", "SGXT", "P2R", "R2P", "VOTE"}
# Instructions after which nothing follows.
ENDS = {"EXIT", "ret", "trap"}


def tool(name):
    found = next((ROOT / "target/cuda-tools").glob(f"lib/python*/site-packages/nvidia/cu13/bin/{name}"), None)
    if found is None:
        sys.exit(f"assemble-ptx: no {name}; run tests/scripts/setup-cuda")
    return found


def components(nodes, successors):
    """The strongly connected components of a graph that are loops, by Tarjan's algorithm."""
    index, low, stack, found = {}, {}, [], []

    def visit(node):
        index[node] = low[node] = len(index)
        stack.append(node)
        for following in successors[node]:
            if following not in nodes:
                continue
            if following not in index:
                visit(following)
                low[node] = min(low[node], low[following])
            elif following in stack:
                low[node] = min(low[node], index[following])
        if low[node] == index[node]:
            component = set()
            while node not in component:
                component.add(stack.pop())
            if len(component) > 1 or node in successors[node]:
                found.append(component)

    for node in sorted(nodes):
        if node not in index:
            visit(node)
    return found


def innermost(nodes, successors):
    """The loops that hold no other: a loop without its entry has no more loops."""
    for loop in components(nodes, successors):
        outside = {following for node in successors if node not in loop for following in successors[node]}
        inner = list(innermost(loop - {min(loop & outside or loop)}, successors))
        yield from inner or [loop]


def longest_loop(code):
    """The mnemonics of the longest innermost loop, or of everything if there is none.

    `code` has labels (a string that ends with a colon) and instructions (mnemonic, whether guarded, branch target).
    """
    blocks, places = [[]], {}
    for item in code:
        if isinstance(item, str):
            if blocks[-1]:
                blocks.append([])
            places[item[:-1]] = len(blocks) - 1
        else:
            blocks[-1].append(item)
            if item[2] or item[0] in ENDS:
                blocks.append([])
    successors = {}
    for number, block in enumerate(blocks):
        mnemonic, guarded, target = block[-1] if block else ("", True, None)
        falls = guarded or not (target or mnemonic in ENDS)
        successors[number] = {places[target]} if target else set()
        if falls and number + 1 < len(blocks):
            successors[number].add(number + 1)
    loops = [[item[0] for node in loop for item in blocks[node]] for loop in innermost(set(successors), successors)]
    # A branch to itself ends the text.
    loops = [loop for loop in loops if len(loop) > 1]
    return max(loops, key=len, default=[item[0] for block in blocks for item in block])


def ptx_loop(entry):
    """Instructions of PTX in the longest innermost loop of an entry's text."""
    code = []
    for line in map(str.strip, entry.splitlines()):
        if match := re.match(r"(\$\w+):", line):
            code.append(match[1] + ":")
        elif match := re.match(r"(@!?%p\d+ )?\{?(?: \.reg \.b32 tmp; )?([a-z]\w*)[\w.]*\s*(\$\w+)?.*;", line):
            code.append((match[2], bool(match[1]), match[3]))
    return len(longest_loop(code))


def instructions(nvdisasm, cubin):
    """(All, and of the longest innermost loop all, those of the ALU, those of the multiplier) by kernel."""
    result = subprocess.run([nvdisasm, "-c", str(cubin)], capture_output=True, text=True, check=False)
    if result.returncode != 0:
        sys.exit(f"assemble-ptx: nvdisasm: {result.stderr}")
    texts, kernel = {}, None
    for line in result.stdout.splitlines():
        if match := re.match(r"\.text\.(\w+):$", line):
            kernel = match[1]
            texts[kernel] = []
        elif match := re.match(r"(\.L_x_\w+):$", line):
            texts[kernel].append(match[1] + ":")
        elif match := re.match(r"\s+/\*[0-9a-f]+\*/\s+(@!?U?P\w+ )?(\w+)[^`;]*(?:`\((\.L_x_\w+)\))?", line):
            # No operations pad the end. Other instructions than branches name labels too.
            if match[2] != "NOP":
                texts[kernel].append((match[2], bool(match[1]), match[3] if match[2] == "BRA" else None))
    counts = {}
    for kernel, code in texts.items():
        loop = longest_loop(code)
        counts[kernel] = (
            sum(not isinstance(item, str) for item in code), len(loop),
            sum(mnemonic in ALU for mnemonic in loop), sum(mnemonic in MULTIPLIER for mnemonic in loop))
    return counts


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
        texts = re.split(r"\.entry (\w+)", ptx.read_text())
        entries = {name: ptx_loop(text) for name, text in zip(texts[1::2], texts[2::2])}
        for architecture in ARCHITECTURES:
            kernels = list(assemble(ptxas, ptx, architecture, cubin))
            counts = instructions(nvdisasm, cubin)
            if {kernel for kernel, *_ in kernels} != entries.keys() or counts.keys() != entries.keys():
                sys.exit(f"assemble-ptx: {ptx.name} for {architecture}: other kernels come out than the text has")
            for kernel, registers, shared, spilled in kernels:
                count, *loop = counts[kernel]
                found[kernel, architecture] = registers, shared, count, entries[kernel], *loop
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
