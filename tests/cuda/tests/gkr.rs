//! stwo's GKR and multilinear polynomials against its CPU backend, from two gates to several blocks.

mod support;

use std::borrow::Cow;

use stwo::core::channel::Blake2sChannel;
use stwo::core::fields::m31::BaseField;
use stwo::core::fields::qm31::SecureField;
use stwo::prover::backend::{Column, ColumnOps, CpuBackend};
use stwo::prover::lookups::gkr_prover::{
    EqEvals, GkrMultivariatePolyOracle, GkrOps, Layer, prove_batch,
};
use stwo::prover::lookups::gkr_verifier::{Gate, partially_verify_batch};
use stwo::prover::lookups::mle::{Mle, MleOps};
use stwo::prover::lookups::sumcheck::MultivariatePolyOracle;
use stwo_ml_cuda::CudaBackend;
use support::{bases, on_device, rng, secure, secures};

/// The values of a layer, for any backend.
#[derive(Clone, Debug)]
enum Values {
    GrandProduct(Vec<SecureField>),
    Generic(Vec<SecureField>, Vec<SecureField>),
    Multiplicities(Vec<BaseField>, Vec<SecureField>),
    Singles(Vec<SecureField>),
}

/// One of each kind, with `2^log` values.
fn kinds(rng: &mut rand::rngs::StdRng, log: u32) -> [Values; 4] {
    let n = 1 << log;
    [
        Values::GrandProduct(secures(rng, n)),
        Values::Generic(secures(rng, n), secures(rng, n)),
        Values::Multiplicities(bases(rng, n), secures(rng, n)),
        Values::Singles(secures(rng, n)),
    ]
}

fn mle<B: MleOps<F>, F: stwo::core::fields::Field>(values: &[F]) -> Mle<B, F> {
    Mle::new(values.iter().copied().collect())
}

impl Values {
    fn layer<B: GkrOps>(&self) -> Layer<B> {
        match self {
            Self::GrandProduct(values) => Layer::GrandProduct(mle(values)),
            Self::Generic(n, d) => Layer::LogUpGeneric {
                numerators: mle(n),
                denominators: mle(d),
            },
            Self::Multiplicities(n, d) => Layer::LogUpMultiplicities {
                numerators: mle(n),
                denominators: mle(d),
            },
            Self::Singles(d) => Layer::LogUpSingles {
                denominators: mle(d),
            },
        }
    }
}

/// Name and columns of a layer.
fn seen<B: GkrOps>(layer: &Layer<B>) -> (&'static str, Vec<BaseField>, Vec<Vec<SecureField>>) {
    match layer {
        Layer::GrandProduct(values) => ("product", vec![], vec![values.to_cpu()]),
        Layer::LogUpGeneric {
            numerators,
            denominators,
        } => (
            "generic",
            vec![],
            vec![numerators.to_cpu(), denominators.to_cpu()],
        ),
        Layer::LogUpMultiplicities {
            numerators,
            denominators,
        } => (
            "multiplicities",
            numerators.to_cpu(),
            vec![denominators.to_cpu()],
        ),
        Layer::LogUpSingles { denominators } => ("singles", vec![], vec![denominators.to_cpu()]),
    }
}

#[test]
fn binding_the_first_variable() {
    fn bound<B: MleOps<F> + MleOps<SecureField>, F: stwo::core::fields::Field>(
        values: &[F],
        r: SecureField,
    ) -> Vec<SecureField>
    where
        <B as ColumnOps<SecureField>>::Column: Column<SecureField>,
    {
        mle::<B, F>(values).fix_first_variable(r).to_cpu()
    }
    on_device(|| {
        let rng = &mut rng();
        for log in 1..=12 {
            let (values, r) = (bases(rng, 1 << log), secure(rng));
            let expected = bound::<CpuBackend, _>(&values, r);
            assert_eq!(bound::<CudaBackend, _>(&values, r), expected);
            let values = secures(rng, 1 << log);
            let expected = bound::<CpuBackend, _>(&values, r);
            assert_eq!(bound::<CudaBackend, _>(&values, r), expected);
        }
    });
}

#[test]
fn tables_of_eq() {
    on_device(|| {
        let rng = &mut rng();
        for variables in 0..=12 {
            let (point, scale) = (secures(rng, variables), secure(rng));
            assert_eq!(
                CudaBackend::gen_eq_evals(&point, scale).to_cpu(),
                CpuBackend::gen_eq_evals(&point, scale).to_cpu(),
                "{variables} variables"
            );
        }
    });
}

#[test]
fn the_next_layer() {
    on_device(|| {
        let rng = &mut rng();
        for log in 1..=11 {
            for values in kinds(rng, log) {
                let cpu = CpuBackend::next_layer(&values.layer());
                let cuda = CudaBackend::next_layer(&values.layer());
                assert_eq!(seen(&cuda), seen(&cpu), "2^{log} values");
            }
        }
    });
}

/// The polynomials of all rounds, and what is left of the layer, as text.
fn rounds<B: GkrOps>(
    values: &Values,
    eq: &[SecureField],
    [lambda, correction, claim]: [SecureField; 3],
    challenges: &[SecureField],
) -> String {
    let mut oracle = GkrMultivariatePolyOracle::<B> {
        eq_evals: Cow::Owned(EqEvals::generate(eq)),
        input_layer: values.layer(),
        eq_fixed_var_correction: correction,
        lambda,
    };
    let mut polynomials = Vec::new();
    for challenge in challenges {
        polynomials.push(oracle.sum_as_poly_in_first_variable(claim).to_vec());
        oracle = oracle.fix_first_variable(*challenge);
    }
    let left = seen(&oracle.input_layer);
    format!(
        "{polynomials:?} {} {left:?}",
        oracle.eq_fixed_var_correction
    )
}

#[test]
fn sums_of_a_layer() {
    on_device(|| {
        let rng = &mut rng();
        for log in 2..=11u32 {
            for values in kinds(rng, log) {
                let variables = log as usize - 1;
                // Batches share the table of the largest instance.
                let eq = secures(rng, variables + log as usize % 3);
                let challenges = secures(rng, variables);
                let scalars = [secure(rng), secure(rng), secure(rng)];
                let cpu = rounds::<CpuBackend>(&values, &eq, scalars, &challenges);
                let cuda = rounds::<CudaBackend>(&values, &eq, scalars, &challenges);
                assert_eq!(cuda, cpu, "2^{log} values");
            }
        }
    });
}

/// Everything in the proof of a batch, and the artifact, as text.
fn batch<B: GkrOps>(instances: &[Values]) -> String {
    let layers = instances.iter().map(Values::layer::<B>).collect();
    let (proof, artifact) = prove_batch(&mut Blake2sChannel::default(), layers);
    let gates = instances.iter().map(|values| match values {
        Values::GrandProduct(_) => Gate::GrandProduct,
        _ => Gate::LogUp,
    });
    let verified =
        partially_verify_batch(gates.collect(), &proof, &mut Blake2sChannel::default()).unwrap();
    assert_eq!(verified.ood_point, artifact.ood_point);
    format!(
        "{:?} {:?} {:?} {:?} {:?}",
        proof.sumcheck_proofs,
        proof.layer_masks_by_instance,
        proof.output_claims_by_instance,
        artifact.ood_point,
        artifact.claims_to_verify_by_instance,
    )
}

#[test]
fn batches_of_instances_of_different_sizes() {
    on_device(|| {
        let rng = &mut rng();
        // stwo does not implement multiplicities of two fractions.
        for logs in [&[2][..], &[3, 2], &[2, 7, 4]] {
            for rotation in 0..4 {
                let instances: Vec<Values> = logs
                    .iter()
                    .enumerate()
                    .map(|(i, log)| kinds(rng, *log)[(i + rotation) % 4].clone())
                    .collect();
                let cpu = batch::<CpuBackend>(&instances);
                assert_eq!(batch::<CudaBackend>(&instances), cpu);
            }
        }
    });
}
