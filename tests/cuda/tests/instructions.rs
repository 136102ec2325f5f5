//! The interpreter's instructions against a host compiler's, and every instruction of the kernels among them.

use std::collections::BTreeSet;

use cudarc::driver::{CudaContext, LaunchConfig, PushKernelArg};
use stwo_ml_cuda_tests::compile;

/// Rows the kernel writes: more than it has, so that all of them are compared.
const ROWS: usize = 256;

/// Edge values of 8, 16, 32 and 64 bits in every combination of neighbours, then others.
fn inputs() -> Vec<u64> {
    let edges = [
        0,
        1,
        2,
        7,
        0x7f,
        0x80,
        0xff,
        0x7fff,
        0x8000,
        0xffff,
        0x7fff_fffe,
        0x7fff_ffff,
        0x8000_0000,
        0xffff_ffff,
        0x1_0000_0000,
        0x7fff_ffff_ffff_ffff,
        0x8000_0000_0000_0000,
        0xffff_ffff_ffff_ffff,
    ];
    let mut values: Vec<u64> = edges
        .iter()
        .flat_map(|a| edges.iter().flat_map(move |b| [*a, *b]))
        .collect();
    let mut state = 1u64;
    values.extend((0..4096).map(|_| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        state ^ state >> 29
    }));
    values
}

#[test]
fn every_instruction_computes_what_a_host_compiler_does() {
    let values = inputs();
    let n = values.len();
    assert_eq!(n % 2, 0, "the kernel reads pairs");
    let host = compile::host_library("instructions_host.cpp");
    let mut expected = vec![0u64; ROWS * n];
    // SAFETY: the function has this type, and the buffers the lengths that it asks for.
    unsafe {
        let run: libloading::Symbol<'_, unsafe extern "C" fn(*mut u64, *const u64, u32)> =
            host.get("instructions_on_host").unwrap();
        run(expected.as_mut_ptr(), values.as_ptr(), n as u32);
    }
    let context = CudaContext::new(0).unwrap();
    let stream = context.new_stream().unwrap();
    let module = context
        .load_module(compile::ptx("tests/cuda/kernels/instructions.cu").into())
        .unwrap();
    let kernel = module.load_function("instructions").unwrap();
    let input = stream.clone_htod(&values).unwrap();
    let mut output = stream.alloc_zeros::<u64>(ROWS * n).unwrap();
    let length = n as u32;
    let config = LaunchConfig {
        grid_dim: (5, 1, 1),
        block_dim: (96, 1, 1),
        shared_mem_bytes: 0,
    };
    // SAFETY: the arguments are the kernel's, and it writes fewer than `ROWS` rows.
    unsafe {
        stream
            .launch_builder(&kernel)
            .arg(&mut output)
            .arg(&input)
            .arg(&length)
            .launch(config)
    }
    .unwrap();
    let output = stream.clone_dtoh(&output).unwrap();
    let written = expected
        .chunks(n)
        .rposition(|row| row.iter().any(|word| *word != 0))
        .unwrap();
    assert!((100..ROWS - 1).contains(&written), "{written} rows");
    for (row, (found, expected)) in output.chunks(n).zip(expected.chunks(n)).enumerate() {
        for (i, (found, expected)) in found.iter().zip(expected).enumerate() {
            let near: Vec<_> = (0..3)
                .map(|k| format!("{:#x}", values[(i + k) % n]))
                .collect();
            assert_eq!(found, expected, "row {row}, element {i} of inputs {near:?}");
        }
    }
}

/// The instructions of a text that compute: without those that load, store, branch or exchange, and without
/// comparisons, of which compilers choose the form; `cuda/stand-in` tests all of them.
fn computing(ptx: &str) -> BTreeSet<String> {
    let others = [
        "ld",
        "st",
        "bra",
        "bar",
        "ret",
        "atom",
        "red",
        "shfl",
        "vote",
        "cvta",
        "membar",
        "fence",
        "activemask",
        "setp",
    ];
    let instructions = ptx.lines().filter_map(|line| {
        let line = line.trim_start_matches(['\t', ' ']);
        let line = line.strip_prefix('@').map_or(line, |guarded| {
            guarded.split_once([' ', '\t']).map_or("", |(_, rest)| rest)
        });
        let word = line.split([' ', '\t', ';']).next()?;
        word.starts_with(|c: char| c.is_ascii_lowercase())
            .then_some(word)
    });
    instructions
        .filter(|word| !others.contains(&word.split('.').next().unwrap_or("")))
        .map(spelling)
        .collect()
}

/// One spelling for types that mean the same in an instruction.
fn spelling(word: &str) -> String {
    let sign_matters = [
        "mul.hi", "mul.wide", "mad.hi", "mad.wide", "div", "rem", "min", "max", "abs", "shr",
        "cvt", "bfe",
    ];
    if sign_matters.iter().any(|start| word.starts_with(start)) {
        return word.replace(".b", ".u");
    }
    word.replace(".s16", ".b16")
        .replace(".s32", ".b32")
        .replace(".s64", ".b64")
        .replace(".u16", ".b16")
        .replace(".u32", ".b32")
        .replace(".u64", ".b64")
}

#[test]
fn every_instruction_of_the_kernels_is_tested() {
    let tested = computing(&compile::ptx("tests/cuda/kernels/instructions.cu"));
    let mut kernels = 0;
    for entry in std::fs::read_dir(compile::repository().join("cuda/ptx")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "ptx") {
            let used = computing(&std::fs::read_to_string(&path).unwrap());
            let missing: Vec<_> = used.difference(&tested).collect();
            assert!(
                missing.is_empty(),
                "{} uses {missing:?}: add them to instructions.cu",
                path.display()
            );
            kernels += 1;
        }
    }
    assert!(kernels > 0);
}
