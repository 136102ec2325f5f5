//! Twiddles, circle FFTs and their inverses against stwo's CPU and SIMD backends.

mod support;

use stwo::core::fields::m31::BaseField;
use stwo::core::poly::circle::{CanonicCoset, CircleDomain};
use stwo::prover::backend::simd::SimdBackend;
use stwo::prover::backend::{Backend, Column, CpuBackend};
use stwo::prover::mempool::BaseColumnPool;
use stwo::prover::poly::BitReversedOrder;
use stwo::prover::poly::circle::{CircleCoefficients, CircleEvaluation, PolyOps};
use stwo::prover::poly::twiddles::{TwiddleBuffer, TwiddleTree};
use stwo_ml_cuda::CudaBackend;
use support::{bases, on_device, rng};

type Evaluation<B> = CircleEvaluation<B, BaseField, BitReversedOrder>;

fn tree<B: Backend>(log: u32) -> TwiddleTree<B> {
    B::precompute_twiddles(CanonicCoset::new(log).circle_domain().half_coset)
}

fn column<B: Backend>(
    values: &[BaseField],
) -> <B as stwo::prover::backend::ColumnOps<BaseField>>::Column {
    values.iter().copied().collect()
}

fn coefficients<B: Backend>(
    domain: CircleDomain,
    values: &[BaseField],
    tree: &TwiddleTree<B>,
) -> Vec<BaseField> {
    B::interpolate(Evaluation::<B>::new(domain, column::<B>(values)), tree)
        .coeffs
        .to_cpu()
}

#[test]
fn twiddles_are_those_of_the_cpu_doubled() {
    on_device(|| {
        for log in 1..=12 {
            let (cpu, cuda) = (tree::<CpuBackend>(log), tree::<CudaBackend>(log));
            let double = |words: &[BaseField]| words.iter().map(|w| w.0 << 1).collect::<Vec<_>>();
            assert_eq!(
                cuda.twiddles.download().unwrap(),
                double(&cpu.twiddles),
                "log {log}"
            );
            assert_eq!(
                cuda.itwiddles.download().unwrap(),
                double(&cpu.itwiddles),
                "log {log}"
            );
            for sub in 1..=log {
                let part = cuda.itwiddles.extract_subdomain_twiddles(log, sub);
                let expected = TwiddleBuffer::<BitReversedOrder>::extract_subdomain_twiddles(
                    &cpu.itwiddles,
                    log,
                    sub,
                );
                assert_eq!(
                    part.download().unwrap(),
                    double(&expected),
                    "log {log}, {sub}"
                );
            }
        }
    });
}

#[test]
fn interpolation_equals_the_cpu() {
    on_device(|| {
        let mut rng = rng();
        for log in 1..=14 {
            let domain = CanonicCoset::new(log).circle_domain();
            // A larger tree than the domain needs, at some sizes.
            let larger = log + log % 3;
            let (cpu, cuda) = (tree::<CpuBackend>(larger), tree::<CudaBackend>(larger));
            let values = bases(&mut rng, 1 << log);
            assert_eq!(
                coefficients(domain, &values, &cuda),
                coefficients(domain, &values, &cpu),
                "log {log}"
            );
        }
    });
}

#[test]
fn interpolation_on_subdomains_equals_the_cpu() {
    on_device(|| {
        let mut rng = rng();
        for (log, parts) in [(3, 1), (4, 2), (6, 3), (9, 1), (14, 1), (15, 2)] {
            let domain = CanonicCoset::new(log).circle_domain();
            let (subdomain, _) = domain.split(parts);
            let values = bases(&mut rng, 1 << (log - parts));
            let cpu = tree::<CpuBackend>(log);
            let cuda = tree::<CudaBackend>(log);
            let cpu = TwiddleTree::<CpuBackend> {
                root_coset: subdomain.half_coset,
                twiddles: Vec::new(),
                itwiddles: TwiddleBuffer::<BitReversedOrder>::extract_subdomain_twiddles(
                    &cpu.itwiddles,
                    log,
                    log - parts,
                ),
            };
            let cuda = TwiddleTree::<CudaBackend> {
                root_coset: subdomain.half_coset,
                twiddles: TwiddleBuffer::empty(),
                itwiddles: cuda.itwiddles.extract_subdomain_twiddles(log, log - parts),
            };
            assert_eq!(
                coefficients(subdomain, &values, &cuda),
                coefficients(subdomain, &values, &cpu)
            );
        }
    });
}

#[test]
fn batches_of_mixed_sizes_equal_the_cpu_and_simd() {
    on_device(|| {
        let mut rng = rng();
        let logs = [4, 13, 1, 4, 7, 13, 2, 4, 3];
        for blowup in 1..=3 {
            let (cpu, cuda, simd) = (
                tree::<CpuBackend>(16),
                tree::<CudaBackend>(16),
                tree::<SimdBackend>(16),
            );
            let columns: Vec<_> = logs.iter().map(|&log| bases(&mut rng, 1 << log)).collect();
            let evaluations = columns
                .iter()
                .map(|values| {
                    let domain = CanonicCoset::new(values.len().ilog2()).circle_domain();
                    Evaluation::<CudaBackend>::new(domain, column::<CudaBackend>(values))
                })
                .collect();
            let polys = CudaBackend::interpolate_columns(evaluations, &cuda);
            let pool = BaseColumnPool::new();
            let out = CudaBackend::evaluate_polynomials(polys, blowup, &cuda, true, &pool);
            for (values, poly) in columns.iter().zip(out) {
                let log = values.len().ilog2();
                let domain = CanonicCoset::new(log).circle_domain();
                let extended = CanonicCoset::new(log + blowup).circle_domain();
                let cpu_coefficients = coefficients(domain, values, &cpu);
                assert_eq!(
                    poly.coeffs.expect("stored").coeffs.to_cpu(),
                    cpu_coefficients
                );
                let expected = CircleCoefficients::<CpuBackend>::new(cpu_coefficients)
                    .evaluate_with_twiddles(extended, &cpu);
                assert_eq!(poly.evals.values.to_cpu(), expected.values);
                let simd = Evaluation::<SimdBackend>::new(domain, column::<SimdBackend>(values))
                    .interpolate_with_twiddles(&simd)
                    .evaluate_with_twiddles(extended, &simd);
                assert_eq!(poly.evals.values.to_cpu(), simd.values.to_cpu());
            }
        }
    });
}

#[test]
fn evaluation_on_every_larger_domain_equals_the_cpu() {
    on_device(|| {
        let mut rng = rng();
        for log in 0..=5 {
            let values = bases(&mut rng, 1 << log);
            for target in log.max(1)..=8 {
                let domain = CanonicCoset::new(target).circle_domain();
                // The domain of two points is no doubling of a larger one.
                let root = if target == 1 { 1 } else { 8 };
                let (cpu, cuda) = (tree::<CpuBackend>(root), tree::<CudaBackend>(root));
                let expected = CircleCoefficients::<CpuBackend>::new(values.clone())
                    .evaluate_with_twiddles(domain, &cpu);
                let poly = CircleCoefficients::<CudaBackend>::new(column::<CudaBackend>(&values));
                assert_eq!(
                    poly.evaluate_with_twiddles(domain, &cuda).values.to_cpu(),
                    expected.values
                );
                let extended = CudaBackend::extend(&poly, target);
                assert_eq!(
                    extended
                        .evaluate_with_twiddles(domain, &cuda)
                        .values
                        .to_cpu(),
                    expected.values
                );
                let (left, right) = CudaBackend::split_at_mid(extended);
                assert_eq!(left.coeffs.len() + right.coeffs.len(), 1 << target);
            }
        }
    });
}
