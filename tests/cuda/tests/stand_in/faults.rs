//! What goes wrong between a proof and its device is a typed error, and the device can be used after it.

use std::process::Command;
use std::sync::Arc;

use crate::alone;
use crate::proof::clang::Clang;
use crate::proof::prove::{Setting, proof_bytes};
use crate::proof::statements::WideFibonacci;
use libloading::Library;
use stwo::core::vcs_lifted::blake2_merkle::Blake2sMerkleChannel;
use stwo::prover::backend::simd::SimdBackend;
use stwo_ml_cuda::constraints::{Compiler, Nvrtc};
use stwo_ml_cuda::{CudaBackend, CudaContext, CudaError};

const STATEMENT: WideFibonacci = WideFibonacci { log: 5, columns: 5 };

fn prove(context: &Arc<CudaContext>) -> Result<Vec<u8>, CudaError> {
    context.set_compiler(Arc::new(Clang));
    context.scope(|| {
        proof_bytes::<CudaBackend, Blake2sMerkleChannel, _>(&STATEMENT, Setting::new(1, 1))
            .expect("the statement is true")
    })
}

/// The proof that SIMD makes.
fn expected() -> Vec<u8> {
    proof_bytes::<SimdBackend, Blake2sMerkleChannel, _>(&STATEMENT, Setting::new(1, 1))
        .expect("the statement is true")
}

/// The numbers 1, 2, 4, ... below `end`, and the last below it.
fn spread(end: u64) -> impl Iterator<Item = u64> {
    let powers = std::iter::successors(Some(1), |n| Some(2 * n)).take_while(move |&n| n < end);
    powers.chain([end - 1])
}

#[test]
fn memory_that_runs_out_anywhere_in_a_proof_is_an_error() {
    alone(|driver| {
        let expected = expected();
        // Whichever allocation fails, and the first one that no proof makes any more.
        let mut failures = 0;
        for allocation in spread(100_000) {
            driver.set("fail_allocation", allocation);
            let context = CudaContext::new(0).expect("a device");
            match prove(&context) {
                Err(CudaError::OutOfMemory {
                    requested, total, ..
                }) => {
                    assert!(requested > 0 && total == 8 << 30, "{requested} of {total}");
                    failures += 1;
                }
                Ok(bytes) => {
                    assert!(bytes == expected);
                    assert!(
                        failures > 6,
                        "a proof makes more allocations than {failures} powers of two"
                    );
                    driver.set("fail_allocation", 0);
                    break;
                }
                Err(other) => panic!("allocation {allocation}: {other}"),
            }
            driver.set("fail_allocation", 0);
            assert!(prove(&context).expect("the device is usable after it") == expected);
        }
    });
}

#[test]
fn a_device_that_is_too_small_is_an_error_that_says_so() {
    alone(|driver| {
        driver.set("memory", 10_000);
        let error = prove(&CudaContext::new(0).expect("a device")).unwrap_err();
        assert!(
            matches!(error, CudaError::OutOfMemory { total: 10_000, requested, free } if requested > free),
            "{error:?}"
        );
        assert!(
            error.to_string().contains("prove a smaller statement"),
            "{error}"
        );
    });
}

#[test]
fn a_launch_that_fails_anywhere_in_a_proof_is_an_error_that_names_the_kernel() {
    alone(|driver| {
        let expected = expected();
        let mut kernels = Vec::new();
        for launch in spread(100_000) {
            driver.set("fail_launch", launch);
            let context = CudaContext::new(0).expect("a device");
            match prove(&context) {
                Err(CudaError::Launch { kernel, .. }) => {
                    assert!(
                        driver
                            .take_report()
                            .contains(&format!("launch of {kernel}"))
                    );
                    kernels.push(kernel);
                }
                Ok(bytes) => {
                    assert!(bytes == expected);
                    break;
                }
                Err(other) => panic!("launch {launch}: {other}"),
            }
            // On a real device the context stays unusable: a second proof fails too, and does not panic.
            assert!(prove(&context).is_err());
            drop(context);
            driver.reset();
        }
        kernels.dedup();
        assert!(kernels.len() > 3, "{kernels:?}");
        assert_eq!(kernels[0], "twiddles");
    });
}

#[test]
fn a_driver_too_old_for_the_kernels_is_an_error_with_their_version() {
    alone(|driver| {
        driver.set("ptx_version", 65);
        let error = prove(&CudaContext::new(0).expect("a device")).unwrap_err();
        let CudaError::UnsupportedPtx {
            module, version, ..
        } = &error
        else {
            panic!("{error:?}");
        };
        assert_eq!((module.as_str(), version.as_str()), ("twiddles", "7.0"));
        assert!(
            error.to_string().contains("needs a newer driver"),
            "{error}"
        );
    });
}

#[test]
fn devices_that_are_not_there_are_errors_with_their_number() {
    alone(|driver| {
        assert_eq!(
            CudaContext::new(1).unwrap_err(),
            CudaError::NoDevice {
                ordinal: 1,
                found: 1
            }
        );
        driver.set("devices", 0);
        assert_eq!(
            CudaContext::new(0).unwrap_err(),
            CudaError::NoDevice {
                ordinal: 0,
                found: 0
            }
        );
        driver.reset();
        // What cuInit returns where there is no device, and where driver and library do not match.
        driver.set("init", 100);
        assert_eq!(CudaContext::device_count(), Ok(0));
        driver.set("init", 803);
        let error = CudaContext::new(0).unwrap_err();
        assert!(
            matches!(
                error,
                CudaError::Driver {
                    call: "starting the driver",
                    ..
                }
            ),
            "{error:?}"
        );
    });
}

#[test]
fn without_a_driver_and_a_compiler_their_absence_is_an_error() {
    // A copy elsewhere: the tests' own search for libraries starts where the executable lies.
    let folder = tempfile::TempDir::new().expect("a temporary folder");
    let copy = folder.path().join("faults");
    std::fs::copy(std::env::current_exe().expect("a path"), &copy).expect("room for a copy");
    let output = Command::new(&copy)
        .args([
            "--exact",
            "faults::in_a_process_without_libraries",
            "--ignored",
            "--nocapture",
        ])
        .env_remove("LD_LIBRARY_PATH")
        .output()
        .expect("the copy runs");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && text.contains("1 passed"),
        "{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
#[ignore = "runs in a process of its own, started by another test"]
fn in_a_process_without_libraries() {
    let loads = |name: &&str| {
        // SAFETY: a driver's and a compiler's initialisers, if they are installed, are NVIDIA's.
        unsafe { Library::new(*name) }.is_ok()
    };
    let installed = |names: &[&str]| names.iter().any(loads);
    if installed(&["libcuda.so", "libcuda.so.1"]) {
        println!("a driver is installed: its absence cannot be shown here");
    } else {
        assert_eq!(CudaContext::new(0).unwrap_err(), CudaError::NoDriver);
        assert_eq!(CudaContext::device_count(), Err(CudaError::NoDriver));
    }
    if installed(&["libnvrtc.so", "libnvrtc.so.12", "libnvrtc.so.13"]) {
        println!("NVRTC is installed: its absence cannot be shown here");
    } else {
        let error = Nvrtc.compile("").unwrap_err();
        assert!(
            matches!(&error, CudaError::Compile { reason } if reason.contains("libnvrtc")),
            "{error:?}"
        );
    }
}
