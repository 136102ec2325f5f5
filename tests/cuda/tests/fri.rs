//! FRI folding and decomposition against stwo's CPU and SIMD backends.

mod support;

use stwo::core::circle::Coset;
use stwo::core::poly::circle::CanonicCoset;
use stwo::core::poly::line::LineDomain;
use stwo::prover::backend::CpuBackend;
use stwo::prover::fri::FriOps;
use stwo::prover::line::LineEvaluation;
use stwo::prover::poly::BitReversedOrder;
use stwo::prover::poly::circle::{PolyOps, SecureEvaluation};
use stwo_ml_cuda::CudaBackend;
use support::{both, host, on_device, rng, secure};

#[test]
fn circles_fold_into_lines() {
    on_device(|| {
        let mut rng = rng();
        for log in 1..=11 {
            let domain = CanonicCoset::new(log).circle_domain();
            let (cpu_tree, cuda_tree) = (
                CpuBackend::precompute_twiddles(domain.half_coset),
                CudaBackend::precompute_twiddles(domain.half_coset),
            );
            let (cpu, cuda) = both(&mut rng, 1 << log);
            let alpha = secure(&mut rng);
            let expected = CpuBackend::fold_circle_into_line(
                &SecureEvaluation::<CpuBackend, BitReversedOrder>::new(domain, cpu),
                alpha,
                &cpu_tree,
            );
            let folded = CudaBackend::fold_circle_into_line(
                &SecureEvaluation::<CudaBackend, BitReversedOrder>::new(domain, cuda),
                alpha,
                &cuda_tree,
            );
            assert_eq!(folded.domain().coset(), expected.domain().coset());
            assert_eq!(host(&folded.values), expected.values.columns, "log {log}");
        }
    });
}

#[test]
fn lines_fold_by_every_step() {
    on_device(|| {
        let mut rng = rng();
        for log in [1, 2, 3, 5, 8, 11] {
            let domain = LineDomain::new(Coset::half_odds(log));
            // Trees of the line's own size and of a larger domain.
            let root = CanonicCoset::new(log + 1 + log % 2)
                .circle_domain()
                .half_coset;
            let cpu_tree = CpuBackend::precompute_twiddles(root);
            let cuda_tree = CudaBackend::precompute_twiddles(root);
            for step in 1..=log.min(8) {
                let (cpu, cuda) = both(&mut rng, 1 << log);
                let alpha = secure(&mut rng);
                let expected = CpuBackend::fold_line(
                    &LineEvaluation::new(domain, cpu),
                    alpha,
                    &cpu_tree,
                    step,
                );
                let folded = CudaBackend::fold_line(
                    &LineEvaluation::new(domain, cuda),
                    alpha,
                    &cuda_tree,
                    step,
                );
                assert_eq!(folded.domain().coset(), expected.domain().coset());
                assert_eq!(
                    host(&folded.values),
                    expected.values.columns,
                    "log {log}, step {step}"
                );
            }
        }
    });
}

#[test]
fn decomposition_equals_the_cpu() {
    on_device(|| {
        let mut rng = rng();
        for log in 1..=10 {
            let domain = CanonicCoset::new(log).circle_domain();
            let (cpu, cuda) = both(&mut rng, 1 << log);
            let (expected, lambda) = CpuBackend::decompose(&SecureEvaluation::<
                CpuBackend,
                BitReversedOrder,
            >::new(domain, cpu));
            let (g, device_lambda) = CudaBackend::decompose(&SecureEvaluation::<
                CudaBackend,
                BitReversedOrder,
            >::new(domain, cuda));
            assert_eq!(device_lambda, lambda);
            assert_eq!(host(&g.values), expected.values.columns);
        }
    });
}
