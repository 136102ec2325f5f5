//! The work that the roofline counts with is what whole proofs do.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::alone;
use crate::proof::clang::Clang;
use crate::proof::prove::{Setting, proof_bytes};
use crate::proof::statements::WideFibonacci;
use stwo::core::vcs_lifted::blake2_merkle::Blake2sMerkleChannel;
use stwo_ml_cuda::roofline::{Shape, trace_bytes, works};
use stwo_ml_cuda::{CudaBackend, CudaContext};
use stwo_ml_cuda_tests::StandIn;

/// Launches, distinct bytes read and written, and instructions of lanes.
type Counts = [u64; 4];

/// What a proof of the shape does, by kernel, and the bytes it sends to the device.
fn counted(driver: &StandIn, shape: &Shape) -> (BTreeMap<String, Counts>, u64) {
    let context = CudaContext::new(0).expect("the tests' driver has a device");
    context.set_compiler(Arc::new(Clang));
    let statement = WideFibonacci {
        log: shape.log_rows,
        columns: shape.columns as usize,
    };
    let setting = Setting {
        log_blowup: shape.log_blowup,
        fold_step: shape.fold_step,
        log_last_layer: shape.log_last_layer,
        pow_bits: shape.pow_bits,
        coefficients: true,
    };
    driver.take_profile();
    context
        .scope(|| proof_bytes::<CudaBackend, Blake2sMerkleChannel, _>(&statement, setting).is_ok())
        .expect("no operation fails");
    let profile = driver.take_profile();
    let kernels = profile.lines().map(|line| {
        let mut words = line.split(' ');
        let name = words.next().expect("a name").to_owned();
        let counters: BTreeMap<_, u64> = words
            .map(|word| word.split_once('=').expect("a counter"))
            .map(|(counter, value)| (counter, value.parse().expect("a number")))
            .collect();
        let classes = [
            "arithmetic",
            "multiplications",
            "memory",
            "control",
            "exchanges",
        ];
        let instructions = classes.iter().map(|class| counters[class]).sum();
        let of = |counter| counters[counter];
        (
            name,
            [
                of("launches"),
                of("distinct_read"),
                of("distinct_written"),
                instructions,
            ],
        )
    });
    (
        kernels.collect(),
        context.counters().snapshot().bytes_to_device,
    )
}

fn predicted(shape: &Shape) -> BTreeMap<String, Counts> {
    let mut kernels = BTreeMap::<String, Counts>::new();
    for (_, work) in works(shape) {
        let counts = kernels.entry(work.kernel.to_owned()).or_default();
        let added = [work.launches, work.read, work.written, work.instructions];
        counts
            .iter_mut()
            .zip(added)
            .for_each(|(count, more)| *count += more);
    }
    kernels
}

#[test]
fn proofs_do_the_work_that_bounds_count_with() {
    alone(compare);
}

fn compare(driver: &StandIn) {
    let shape = |log_rows, columns, log_blowup, fold_step, log_last_layer| Shape {
        log_rows,
        columns,
        log_blowup,
        fold_step,
        log_last_layer,
        pow_bits: 6,
    };
    for shape in [
        shape(7, 26, 1, 1, 0),
        shape(8, 17, 3, 2, 1),
        shape(7, 33, 1, 3, 0),
        shape(9, 8, 1, 4, 2),
        shape(13, 4, 1, 3, 0),
    ] {
        let (mut counted, sent) = counted(driver, &shape);
        assert!(counted.remove("twiddles").is_some());
        let predicted = predicted(&shape);
        assert!(
            counted.keys().eq(predicted.keys()),
            "{counted:?} {predicted:?}"
        );
        for (kernel, [launches, read, written, instructions]) in counted {
            let expected = predicted[&kernel];
            assert_eq!([launches, read], expected[..2], "{kernel} of {shape:?}");
            assert_eq!(written, expected[2], "{kernel} of {shape:?}");
            let ratio = instructions as f64 / expected[3] as f64;
            assert!(
                (0.98..1.02).contains(&ratio),
                "{kernel} of {shape:?}: {instructions} for {}",
                expected[3]
            );
        }
        // What else is sent are addresses, challenges and samples.
        let trace = trace_bytes(&shape);
        assert!(
            (trace..trace + 8192).contains(&sent),
            "{sent} bytes for {trace}"
        );
    }
}
