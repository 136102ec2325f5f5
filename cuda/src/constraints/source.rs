//! CUDA C of recorded constraints: straight-line code, one statement per node.

use std::fmt::Write as _;
use std::ops::Range;

use super::graph::{Graph, Node};

/// The kernel's name.
pub(super) const KERNEL: &str = "constraints";

/// The field headers, each with its own includes left out: run-time compilers have no files.
const HEADERS: [&str; 5] = [
    include_str!("../../kernels/include/device.cuh"),
    include_str!("../../kernels/include/m31.cuh"),
    include_str!("../../kernels/include/cm31.cuh"),
    include_str!("../../kernels/include/qm31.cuh"),
    include_str!("../../kernels/include/index.cuh"),
];

/// The one header that stays an include, behind a condition: nvcc and NVRTC do not need it.
const CLANG_HEADER: &str = "clang_builtins.cuh";

const OPENING: &str = r#"
// Row `offset` trace rows after row i, both in bit-reversed order of the evaluation domain.
DEVICE u32 offset_row(u32 i, u32 trace_log, u32 log, int offset) {
    u32 p = bit_reverse(i, log), half = 1u << (log - 1);
    u32 step = (u32)offset << (log - trace_log - 1);
    p = p < half ? (p + step) & (half - 1) : ((p - half - step) & (half - 1)) + half;
    return bit_reverse(p, log);
}

// Adds the constraints' quotients of 2^log rows: powers[k] times constraint k, over the vanishing
// polynomial of the trace, whose inverses repeat every 2^trace_log rows.
KERNEL __launch_bounds__(256) void constraints(const u32* const* columns, const u32* parameters, const u32* powers,
                                               const u32* denominators, u32 trace_log, u32 log, u32* o0, u32* o1,
                                               u32* o2, u32* o3) {
    for (u64 at = grid_thread(); at < 1ull << log; at += grid_threads()) {
        u32 row = (u32)at;
        qm31 sum = qm31_zero();
"#;

const CLOSING: &str = "        sum = qm31_mul_m31(sum, denominators[row >> trace_log]);
        o0[row] = m31_add(o0[row], sum.a);
        o1[row] = m31_add(o1[row], sum.b);
        o2[row] = m31_add(o2[row], sum.c);
        o3[row] = m31_add(o3[row], sum.d);
    }
}
";

/// The source of a kernel for these constraints.
pub fn source(graph: &Graph, constraints: Range<usize>) -> String {
    // All functions of the headers are in this one file, and not all are called.
    let mut text = String::from(
        "#ifdef __clang__\n#pragma clang diagnostic ignored \"-Wunused-function\"\n#endif\n",
    );
    for header in HEADERS {
        for line in header.lines() {
            let include = line.starts_with("#include") && !line.contains(CLANG_HEADER);
            if !include && line != "#pragma once" {
                text.push_str(line);
                text.push('\n');
            }
        }
    }
    text.push_str(OPENING);
    let needed = graph.needed(constraints.clone());
    for (id, &node) in graph.nodes.iter().enumerate() {
        if needed[id] {
            statement(&mut text, id, node).expect("a string takes all text");
        }
    }
    for index in constraints {
        let constraint = graph.constraints[index];
        // A constraint with values in the base field is a cheaper product.
        let product = match graph.nodes[constraint as usize] {
            Node::Embed(base) => format!("qm31_mul_m31(qm31_load(powers, {index}), v{base})"),
            _ => format!("qm31_mul(qm31_load(powers, {index}), v{constraint})"),
        };
        writeln!(text, "        sum = qm31_add(sum, {product});").expect("a string takes all text");
    }
    text.push_str(CLOSING);
    text
}

fn statement(text: &mut String, id: usize, node: Node) -> std::fmt::Result {
    let (kind, value) = match node {
        Node::Column { column, offset: 0 } => ("u32", format!("columns[{column}][row]")),
        Node::Column { column, offset } => (
            "u32",
            format!("columns[{column}][offset_row(row, trace_log, log, {offset})]"),
        ),
        Node::Constant(value) => ("u32", format!("{}u", value.0)),
        Node::Add(a, b) => ("u32", format!("m31_add(v{a}, v{b})")),
        Node::Sub(a, b) => ("u32", format!("m31_sub(v{a}, v{b})")),
        Node::Mul(a, b) => ("u32", format!("m31_mul(v{a}, v{b})")),
        Node::Neg(a) => ("u32", format!("m31_neg(v{a})")),
        Node::Inverse(a) => ("u32", format!("m31_inverse(v{a})")),
        Node::Parameter(slot) => ("qm31", format!("qm31_load(parameters, {slot})")),
        Node::Embed(a) => ("qm31", format!("qm31_from(v{a})")),
        Node::Combine([a, b, c, d]) => ("qm31", format!("{{v{a}, v{b}, v{c}, v{d}}}")),
        Node::SecureAdd(a, b) => ("qm31", format!("qm31_add(v{a}, v{b})")),
        Node::SecureSub(a, b) => ("qm31", format!("qm31_sub(v{a}, v{b})")),
        Node::SecureMul(a, b) => ("qm31", format!("qm31_mul(v{a}, v{b})")),
        Node::SecureAddBase(a, b) => ("qm31", format!("qm31_add_m31(v{a}, v{b})")),
        Node::SecureMulBase(a, b) => ("qm31", format!("qm31_mul_m31(v{a}, v{b})")),
        Node::SecureNeg(a) => ("qm31", format!("qm31_neg(v{a})")),
    };
    writeln!(text, "        {kind} v{id} = {value};")
}
