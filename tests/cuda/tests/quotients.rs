//! FRI quotients of columns of mixed sizes at several points against stwo's CPU and SIMD backends.

mod support;

use stwo::core::fields::m31::BaseField;
use stwo::core::pcs::TreeVec;
use stwo::core::pcs::quotients::PointSample;
use stwo::core::poly::circle::CanonicCoset;
use stwo::prover::backend::simd::SimdBackend;
use stwo::prover::backend::{Backend, Column, CpuBackend};
use stwo::prover::pcs::quotient_ops::compute_fri_quotients;
use stwo::prover::poly::BitReversedOrder;
use stwo::prover::poly::circle::CircleEvaluation;
use stwo_ml_cuda::CudaBackend;
use support::{bases, on_device, point, rng, secure};

type Evaluation<B> = CircleEvaluation<B, BaseField, BitReversedOrder>;

/// The planes of the quotients of two trees, whose columns are sampled at one or two points.
fn quotients<B: Backend>(logs: &[u32], log_blowup: u32) -> [Vec<BaseField>; 4] {
    let mut rng = rng();
    let lifting = *logs.iter().max().expect("there are columns");
    let points = [point(&mut rng), point(&mut rng)];
    let mut column = |log: u32| {
        let values = bases(&mut rng, 1 << log).into_iter().collect();
        Evaluation::<B>::new(CanonicCoset::new(log).circle_domain(), values)
    };
    let columns: Vec<_> = logs.iter().map(|&log| column(log)).collect();
    let samples: Vec<Vec<PointSample>> = (0..logs.len())
        .map(|index| {
            let sample = |&point| PointSample {
                point,
                value: secure(&mut rng),
            };
            points[..1 + index % 2].iter().map(sample).collect()
        })
        .collect();
    let (left, right) = columns.split_at(logs.len() / 2);
    let (left_samples, right_samples) = samples.split_at(logs.len() / 2);
    let twiddles = B::precompute_twiddles(CanonicCoset::new(lifting).circle_domain().half_coset);
    compute_fri_quotients(
        &TreeVec(vec![left.iter().collect(), right.iter().collect()]),
        &TreeVec(vec![left_samples.to_vec(), right_samples.to_vec()]),
        secure(&mut rng),
        lifting,
        &twiddles,
        log_blowup,
    )
    .values
    .columns
    .map(|plane| plane.to_cpu())
}

#[test]
fn equal_the_cpu_and_simd() {
    on_device(|| {
        for (logs, log_blowup) in [
            (vec![4], 1),
            (vec![5, 5, 5], 1),
            (vec![5, 6, 5, 7, 9], 1),
            (vec![3, 6, 4, 6, 3, 6, 8], 1),
            (vec![7, 4, 7, 9], 2),
            (vec![6, 6, 5, 8], 3),
        ] {
            let cuda = quotients::<CudaBackend>(&logs, log_blowup);
            assert_eq!(cuda, quotients::<CpuBackend>(&logs, log_blowup), "{logs:?}");
            // stwo's SIMD backend drops columns of fewer rows than a vector when it lifts them.
            if logs.iter().all(|&log| log >= 4 + log_blowup) {
                assert_eq!(
                    cuda,
                    quotients::<SimdBackend>(&logs, log_blowup),
                    "{logs:?}"
                );
            }
        }
    });
}
