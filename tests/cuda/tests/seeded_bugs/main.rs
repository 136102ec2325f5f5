//! Bugs put into the kernels one at a time: each is found by the checks or by a different result.
//!
//! The result of the kernel as it is serves as the reference; that it is right, the other tests show.

mod bugs;
mod cases;
mod sumchecks;

use std::fs;

use bugs::{FORBIDDEN, WRONG};
use cases::{Argument::*, Case, cases};
use cudarc::driver::{
    CudaContext, CudaSlice, DevicePtr, DevicePtrMut, LaunchConfig, PushKernelArg,
};
use stwo_ml_cuda_tests::{StandIn, compile, exclusive};

/// The content of all buffers after a launch of a PTX text, or what was found.
fn run(case: &Case, ptx: String) -> Result<Vec<Vec<u32>>, String> {
    let fails = |error: cudarc::driver::DriverError| format!("{error:?}");
    let context = CudaContext::new(0).map_err(fails)?;
    let stream = context.new_stream().map_err(fails)?;
    let kernel = context
        .load_module(ptx.into())
        .map_err(fails)?
        .load_function(case.kernel)
        .map_err(fails)?;
    let mut buffers: Vec<CudaSlice<u32>> = Vec::new();
    let mut lists: Vec<CudaSlice<u64>> = Vec::new();
    // Scalars and addresses by value: `launch_builder` borrows what it is given.
    enum Value {
        Word(u32),
        Double(u64),
        Four([u32; 4]),
    }
    let mut values = Vec::new();
    for argument in &case.arguments {
        values.push(match argument {
            U32(value) => Value::Word(*value),
            U64(value) => Value::Double(*value),
            Qm31(value) => Value::Four(*value),
            Words(words) | End(words) => {
                let buffer = stream.clone_htod(words).map_err(fails)?;
                let start = buffer.device_ptr(&stream).0;
                buffers.push(buffer);
                Value::Double(if matches!(argument, End(_)) {
                    start + 4 * words.len() as u64
                } else {
                    start
                })
            }
            Output(length) => {
                // SAFETY: nothing reads the buffer before the kernel writes it: the stand-in checks it.
                let mut buffer = unsafe { stream.alloc::<u32>(*length) }.map_err(fails)?;
                let start = buffer.device_ptr_mut(&stream).0;
                buffers.push(buffer);
                Value::Double(start)
            }
            List(columns) => {
                let mut addresses = Vec::new();
                for column in columns {
                    let buffer = stream.clone_htod(column).map_err(fails)?;
                    addresses.push(buffer.device_ptr(&stream).0);
                    buffers.push(buffer);
                }
                let list = stream.clone_htod(&addresses).map_err(fails)?;
                let start = list.device_ptr(&stream).0;
                lists.push(list);
                Value::Double(start)
            }
        });
    }
    let fours: Vec<Four> = values
        .iter()
        .map(|value| {
            Four(if let Value::Four(four) = value {
                *four
            } else {
                [0; 4]
            })
        })
        .collect();
    let mut launch = stream.launch_builder(&kernel);
    for (value, four) in values.iter().zip(&fours) {
        match value {
            Value::Word(word) => launch.arg(word),
            Value::Double(double) => launch.arg(double),
            Value::Four(_) => launch.arg(four),
        };
    }
    let config = LaunchConfig {
        grid_dim: (case.blocks.0, case.blocks.1, 1),
        block_dim: (case.threads, 1, 1),
        shared_mem_bytes: case.shared,
    };
    // SAFETY: each case has its kernel's arguments; accesses outside of them are found, not made.
    unsafe { launch.launch(config) }.map_err(fails)?;
    buffers
        .iter()
        .map(|buffer| stream.clone_dtoh(buffer).map_err(fails))
        .collect()
}

/// An element of QM31 as kernels take it.
#[repr(C)]
#[derive(Clone, Copy)]
struct Four([u32; 4]);

// SAFETY: four words, as the kernels' `struct qm31`.
unsafe impl cudarc::driver::DeviceRepr for Four {}

/// The PTX of a kernel file in a copy of the sources that a change was made to.
fn changed(file: &str, change: Option<(&str, &str, &str)>) -> String {
    let sources = compile::repository().join("cuda/kernels");
    let copy = tempfile::tempdir().unwrap();
    // Headers lie beside the sources that include them, where the compiler looks first.
    for folder in [sources.join("include"), sources] {
        for entry in fs::read_dir(folder)
            .unwrap()
            .map(Result::unwrap)
            .filter(|entry| entry.path().is_file())
        {
            fs::copy(entry.path(), copy.path().join(entry.file_name())).unwrap();
        }
    }
    if let Some((path, from, to)) = change {
        let path = copy.path().join(path.trim_start_matches("include/"));
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{} has no `{from}`", path.display());
        fs::write(&path, text.replacen(from, to, 1)).unwrap();
    }
    compile::ptx(copy.path().join(format!("{file}.cu")))
}

#[test]
fn every_seeded_bug_is_found() {
    let _alone = exclusive();
    let driver = StandIn::load();
    let cases = cases();
    let references: Vec<_> = cases
        .iter()
        .map(|case| {
            run(case, changed(case.file, None))
                .unwrap_or_else(|finding| panic!("{}: {finding}", case.name))
        })
        .collect();
    let wrong = WRONG.iter().map(|bug| (bug, None));
    let forbidden = FORBIDDEN.iter().map(|(bug, finding)| (bug, Some(*finding)));
    let mut missed = Vec::new();
    for ((name, path, from, to), expected) in wrong.chain(forbidden) {
        let at = cases.iter().position(|case| case.name == *name).unwrap();
        let result = run(&cases[at], changed(cases[at].file, Some((path, from, to))));
        let found = match (&result, expected) {
            (Ok(content), None) => *content != references[at],
            (Err(finding), Some(words)) => words.split('|').any(|word| finding.contains(word)),
            _ => false,
        };
        if !found {
            let result = result.map(|content| {
                if content == references[at] {
                    "the same"
                } else {
                    "another result"
                }
            });
            missed.push(format!(
                "{name}, `{from}`: {result:?}, expected {expected:?}"
            ));
        }
        driver.reset();
    }
    assert!(missed.is_empty(), "not found:\n{}", missed.join("\n"));
}
