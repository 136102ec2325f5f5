//! Whole stwo proofs on the device, byte for byte those of the SIMD backend.

mod nvrtc;
mod proof;
mod support;

use proof::clang::compiler;
use proof::prove::{Setting, Statement, composition, proof_bytes, proof_bytes_by};
use proof::statements::{Lookups, Poseidon2, WideFibonacci};
use stwo::core::channel::MerkleChannel;
use stwo::core::vcs_lifted::blake2_merkle::{Blake2sM31MerkleChannel, Blake2sMerkleChannel};
use stwo::prover::ComponentProver;
use stwo::prover::ProvingError;
use stwo::prover::backend::BackendForChannel;
use stwo::prover::backend::simd::SimdBackend;
use stwo_constraint_framework::FrameworkComponent;
use stwo_ml_cuda::{Counts, CudaBackend, CudaContext, CudaError};

/// The proof on the device.
fn on_device<MC: MerkleChannel<H: serde::Serialize>, S: Statement>(
    statement: &S,
    setting: Setting,
) -> Result<Vec<u8>, ProvingError>
where
    CudaBackend: BackendForChannel<MC>,
    FrameworkComponent<S::Eval>: ComponentProver<CudaBackend>,
{
    let context = CudaContext::new(0).expect("the tests' driver has a device");
    context.set_compiler(compiler());
    context
        .scope(|| proof_bytes::<CudaBackend, MC, S>(statement, setting))
        .expect("no operation fails")
}

fn check<MC: MerkleChannel<H: serde::Serialize>, S: Statement>(statement: &S, setting: Setting)
where
    CudaBackend: BackendForChannel<MC>,
    SimdBackend: BackendForChannel<MC>,
    FrameworkComponent<S::Eval>: ComponentProver<CudaBackend> + ComponentProver<SimdBackend>,
{
    let simd =
        proof_bytes::<SimdBackend, MC, S>(statement, setting).expect("the statement is true");
    let cuda = on_device::<MC, S>(statement, setting).expect("the statement is true");
    assert!(cuda == simd, "the proofs differ: {setting:?}");
}

#[test]
fn wide_fibonacci() {
    let statement = WideFibonacci {
        log: 6,
        columns: 26,
    };
    for (log_blowup, fold_step) in [(1, 1), (1, 2), (2, 1), (1, 3), (3, 2), (2, 4)] {
        check::<Blake2sMerkleChannel, _>(&statement, Setting::new(log_blowup, fold_step));
    }
    check::<Blake2sM31MerkleChannel, _>(&statement, Setting::new(1, 2));
    let setting = Setting {
        log_last_layer: 2,
        pow_bits: 9,
        coefficients: true,
        ..Setting::new(1, 1)
    };
    check::<Blake2sMerkleChannel, _>(&statement, setting);
}

#[test]
fn wide_fibonacci_of_two_passes() {
    check::<Blake2sMerkleChannel, _>(
        &WideFibonacci {
            log: 13,
            columns: 3,
        },
        Setting::new(1, 3),
    );
}

#[test]
fn lookups() {
    for (log_blowup, fold_step) in [(1, 1), (2, 2), (1, 4)] {
        check::<Blake2sMerkleChannel, _>(&Lookups { log: 6 }, Setting::new(log_blowup, fold_step));
    }
    check::<Blake2sM31MerkleChannel, _>(&Lookups { log: 5 }, Setting::new(1, 1));
}

#[test]
fn poseidon2() {
    let statement = Poseidon2 {
        log: 5,
        log_degree: 1,
    };
    check::<Blake2sMerkleChannel, _>(&statement, Setting::new(1, 1));
    let setting = Setting {
        coefficients: true,
        ..Setting::new(2, 2)
    };
    check::<Blake2sMerkleChannel, _>(&statement, setting);
}

#[test]
fn constraints_beyond_the_committed_domain() {
    let statement = Poseidon2 {
        log: 5,
        log_degree: 2,
    };
    let simd = composition::<SimdBackend, Blake2sMerkleChannel, _>(&statement, 1);
    let context = CudaContext::new(0).expect("the tests' driver has a device");
    context.set_compiler(compiler());
    let cuda = context.scope(|| composition::<CudaBackend, Blake2sMerkleChannel, _>(&statement, 1));
    assert!(cuda.expect("no operation fails") == simd);
}

#[test]
fn constraints_beyond_the_domain_need_coefficients() {
    let context = CudaContext::new(0).expect("the tests' driver has a device");
    context.set_compiler(compiler());
    let setting = Setting::new(1, 1);
    let error = context
        .scope(|| {
            proof_bytes::<CudaBackend, Blake2sMerkleChannel, _>(
                &Poseidon2 {
                    log: 4,
                    log_degree: 2,
                },
                setting,
            )
            .is_ok()
        })
        .unwrap_err();
    assert!(matches!(error, CudaError::Unsupported { .. }), "{error}");
}

/// The proof with all openings read at once, and what the device and the host did for it.
fn gathered<S: Statement>(statement: &S, setting: Setting) -> (Vec<u8>, Counts)
where
    FrameworkComponent<S::Eval>: ComponentProver<CudaBackend>,
{
    let context = CudaContext::new(0).expect("the tests' driver has a device");
    context.set_compiler(compiler());
    let bytes = context
        .scope(|| {
            let prover = stwo_ml_cuda::backend::prove::<Blake2sMerkleChannel>;
            proof_bytes_by(statement, setting, prover).expect("the statement is true")
        })
        .expect("no operation fails");
    (bytes, context.counters().snapshot())
}

#[test]
fn openings_are_gathered() {
    let statement = WideFibonacci { log: 8, columns: 5 };
    for (log_blowup, fold_step) in [(1, 1), (2, 2), (1, 3), (3, 4)] {
        let setting = Setting::new(log_blowup, fold_step);
        let simd = proof_bytes::<SimdBackend, Blake2sMerkleChannel, _>(&statement, setting);
        let (bytes, counts) = gathered(&statement, setting);
        assert!(bytes == simd.expect("the statement is true"), "{setting:?}");
        assert_eq!(
            counts.host.get("read of a single element"),
            None,
            "{setting:?}"
        );
        assert_eq!(counts.device["gather"], 2, "{setting:?}");
    }
    // stwo's own prover reads what it opens one by one.
    let context = CudaContext::new(0).expect("the tests' driver has a device");
    context.set_compiler(compiler());
    context
        .scope(|| {
            let setting = Setting::new(1, 1);
            proof_bytes::<CudaBackend, Blake2sMerkleChannel, _>(&statement, setting).is_ok()
        })
        .expect("no operation fails");
    let counts = context.counters().snapshot();
    assert!(counts.host["read of a single element"] > 50, "{counts:?}");
}

/// A statement with one cell changed.
struct Changed(WideFibonacci);

impl Statement for Changed {
    type Eval = WideFibonacci;
    fn log(&self) -> u32 {
        self.0.log
    }
    fn trace(&self) -> Vec<Vec<stwo::core::fields::m31::BaseField>> {
        let mut columns = self.0.trace();
        columns[4][3] += stwo::core::fields::m31::BaseField::from(1);
        columns
    }
    fn interact(
        &self,
        channel: &mut impl stwo::core::channel::Channel,
    ) -> (
        WideFibonacci,
        Vec<Vec<stwo::core::fields::m31::BaseField>>,
        stwo::core::fields::qm31::SecureField,
    ) {
        self.0.interact(channel)
    }
}

#[test]
fn a_false_statement_has_no_proof() {
    let statement = Changed(WideFibonacci { log: 5, columns: 6 });
    let error = on_device::<Blake2sMerkleChannel, _>(&statement, Setting::new(1, 1)).unwrap_err();
    assert!(matches!(error, ProvingError::ConstraintsNotSatisfied));
}
