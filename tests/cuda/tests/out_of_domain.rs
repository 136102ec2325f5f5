//! Values out of the domain against stwo's CPU and SIMD backends.

mod support;

use stwo::core::fields::m31::BaseField;
use stwo::core::poly::circle::CanonicCoset;
use stwo::prover::backend::simd::SimdBackend;
use stwo::prover::backend::{Column, CpuBackend};
use stwo::prover::poly::BitReversedOrder;
use stwo::prover::poly::circle::{CircleCoefficients, CircleEvaluation, PolyOps};
use stwo_ml_cuda::CudaBackend;
use support::{bases, on_device, point, rng};

#[test]
fn values_from_coefficients() {
    on_device(|| {
        let mut rng = rng();
        for log in 0..=14 {
            let values = bases(&mut rng, 1 << log);
            let cpu = CircleCoefficients::<CpuBackend>::new(values.clone());
            let cuda = CircleCoefficients::<CudaBackend>::new(values.into_iter().collect());
            for _ in 0..2 {
                let p = point(&mut rng);
                assert_eq!(cuda.eval_at_point(p), cpu.eval_at_point(p), "log {log}");
            }
        }
    });
}

#[test]
fn values_from_evaluations() {
    on_device(|| {
        let mut rng = rng();
        for log in 1..=10 {
            let coset = CanonicCoset::new(log);
            let domain = coset.circle_domain();
            let p = point(&mut rng);
            let values = bases(&mut rng, 1 << log);
            let weights = CudaBackend::barycentric_weights(coset, p);
            assert_eq!(
                weights.to_cpu(),
                CpuBackend::barycentric_weights(coset, p),
                "log {log}"
            );
            let simd = SimdBackend::barycentric_weights(coset, p);
            assert_eq!(weights.to_cpu(), simd.to_cpu(), "log {log}");

            let cpu = CircleEvaluation::<CpuBackend, BaseField, BitReversedOrder>::new(
                domain,
                values.clone(),
            );
            let cuda = CircleEvaluation::<CudaBackend, BaseField, BitReversedOrder>::new(
                domain,
                values.into_iter().collect(),
            );
            let expected = CpuBackend::barycentric_eval_at_point(&cpu, &weights.to_cpu());
            assert_eq!(
                CudaBackend::barycentric_eval_at_point(&cuda, &weights),
                expected
            );
            let tree = CudaBackend::precompute_twiddles(domain.half_coset);
            assert_eq!(
                CudaBackend::eval_at_point_by_folding(&cuda, p, &tree),
                expected
            );
        }
    });
}
