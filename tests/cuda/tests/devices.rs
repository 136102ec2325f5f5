//! Proofs of networks on several devices, and with faults of the driver in their midst.

use std::sync::Barrier;

use stwo_ml::artifact::Model;
use stwo_ml::backend::{Backend, BackendError, Cuda, Simd};
use stwo_ml::prove::{ProveError, Prover};
use stwo_ml_cuda::CudaError;
use stwo_ml_cuda::memory::Words;
use stwo_ml_cuda::scheduler::{all_devices, spread};
use stwo_ml_cuda_tests::{StandIn, exclusive};
use stwo_ml_tests::{INPUT, linear};
use stwo_ml_verifier::{Level, encode_file};

/// Runs `f` alone, with a stand-in in its first state before and after.
fn alone(f: impl FnOnce(&StandIn)) {
    let _alone = exclusive();
    let driver = StandIn::load();
    driver.reset();
    f(&driver);
    driver.reset();
}

fn cuda(ordinal: usize) -> Cuda {
    Cuda::new_or_stand_in(ordinal).expect("the stand-in has the device")
}

fn prover<B: Backend>(backend: &B) -> Prover<'_, B> {
    let model = Model::assemble(linear(10), Level::TestTiny, &Simd).expect("a valid circuit");
    Prover::new(model, backend).expect("the model's own weights")
}

fn prove(prover: &Prover<'_, impl Backend>, input: &[i32]) -> Result<Vec<u8>, ProveError> {
    let proven = prover.prove(&[input.to_vec()], &|_| ())?;
    Ok(encode_file(&proven.statement, &proven.proof))
}

/// Kernels that a backend launched so far.
fn launches(cuda: &Cuda) -> u64 {
    let operations = cuda.operations().expect("a device has operations");
    operations.device.values().sum()
}

#[test]
fn independent_proofs_spread_over_two_devices() {
    alone(|driver| {
        driver.set("devices", 2);
        assert_eq!(all_devices().expect("two devices").len(), 2);
        let devices = [0, 1].map(cuda);
        let provers = devices.each_ref().map(prover);
        let before = devices.each_ref().map(launches);
        let mut inputs: Vec<Vec<i32>> = (0..4)
            .map(|i| INPUT.iter().map(|x| (x + 31 * i) % 100).collect())
            .collect();
        // One that no network of this kind takes.
        inputs.push(vec![1]);
        // Each device has one of the first two jobs before either goes on.
        let both = Barrier::new(2);
        let proofs = spread(
            &provers,
            inputs.iter().enumerate(),
            |prover, (job, input)| {
                if job < 2 {
                    both.wait();
                }
                prove(prover, input)
            },
        );
        let simd = prover(&Simd);
        let expected: Vec<_> = inputs.iter().map(|input| prove(&simd, input)).collect();
        assert!(proofs == expected, "another order, or other proofs");
        let failed: Vec<bool> = proofs.iter().map(Result::is_err).collect();
        assert_eq!(failed, [false, false, false, false, true]);
        for (device, before) in devices.iter().zip(before) {
            assert!(launches(device) > before, "{device:?} proved nothing");
        }
    });
}

#[test]
fn memory_of_one_device_is_freed_where_a_thread_used_the_other_last() {
    alone(|driver| {
        driver.set("devices", 2);
        let devices = all_devices().expect("two devices");
        let words = |device| Words::upload(device, vec![1u32, 2, 3]).expect("room for three words");
        let [first, second] = [words(&devices[0]), words(&devices[1])];
        for words in [&first, &second] {
            assert_eq!(words.download(), Ok(vec![1, 2, 3]));
        }
        drop(first);
        for device in &devices {
            assert_eq!(device.synchronize(), Ok(()));
        }
        assert_eq!(driver.take_report(), "");
    });
}

#[test]
fn without_devices_nothing_is_scheduled() {
    alone(|driver| {
        driver.set("devices", 0);
        let none = CudaError::NoDevice {
            ordinal: 0,
            found: 0,
        };
        assert_eq!(all_devices().unwrap_err(), none);
        assert_eq!(Cuda::new_or_stand_in(0).unwrap_err(), none);
    });
}

#[test]
fn a_launch_that_fails_ends_the_proof() {
    alone(|driver| {
        let expected = prove(&prover(&Simd), &INPUT).expect("a proof");
        let count = {
            let cuda = cuda(0);
            let prover = prover(&cuda);
            let before = launches(&cuda);
            assert!(prove(&prover, &INPUT).expect("a proof") == expected);
            launches(&cuda) - before
        };
        for which in [1, count / 4, count / 2, 3 * count / 4, count] {
            let cuda = cuda(0);
            let prover = prover(&cuda);
            driver.set("fail_launch", which);
            let error = prove(&prover, &INPUT).unwrap_err();
            assert!(
                matches!(
                    error,
                    ProveError::Backend(BackendError::Cuda(CudaError::Launch { .. }))
                ),
                "launch {which} of {count}: {error}"
            );
            // The device stays unusable, as a real one does.
            assert!(matches!(
                prove(&prover, &INPUT),
                Err(ProveError::Backend(BackendError::Cuda(_)))
            ));
            driver.reset();
        }
    });
}

#[test]
fn memory_that_runs_out_ends_the_proof_and_leaves_the_device_usable() {
    alone(|driver| {
        let expected = prove(&prover(&Simd), &INPUT).expect("a proof");
        let cuda = cuda(0);
        let prover = prover(&cuda);
        let mut failures = 0;
        for which in (1..).step_by(61) {
            driver.set("fail_allocation", which);
            match prove(&prover, &INPUT) {
                Ok(proof) => {
                    assert!(proof == expected);
                    break;
                }
                Err(error) => assert!(
                    matches!(
                        error,
                        ProveError::Backend(BackendError::Cuda(CudaError::OutOfMemory { .. }))
                    ),
                    "allocation {which}: {error}"
                ),
            }
            failures += 1;
        }
        assert!(failures > 3, "a proof allocates more than {failures} times");
        driver.set("fail_allocation", 0);
        assert!(prove(&prover, &INPUT).expect("a proof") == expected);
    });
}
