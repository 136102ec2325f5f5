//! What the kernels' tests share: a scope on the device, random values, columns from host values.
#![allow(dead_code, unreachable_pub)]

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use stwo::core::circle::{CirclePoint, SECURE_FIELD_CIRCLE_GEN};
use stwo::core::fields::m31::{BaseField, P};
use stwo::core::fields::qm31::SecureField;
use stwo::prover::backend::{Column, CpuBackend};
use stwo::prover::secure_column::SecureColumnByCoords;
use stwo_ml_cuda::{CudaBackend, CudaContext};

/// Runs `f` in the scope of device 0.
pub fn on_device<R: Send>(f: impl FnOnce() -> R + Send) -> R {
    CudaContext::new(0)
        .expect("the tests' driver has a device")
        .scope(f)
        .expect("no operation fails")
}

/// The tests' random numbers.
pub fn rng() -> StdRng {
    StdRng::seed_from_u64(0)
}

/// A random element; one in eight is an edge of the range.
pub fn base(rng: &mut StdRng) -> BaseField {
    match rng.random_range(0..16) {
        0 => BaseField::from(0),
        1 => BaseField::from_u32_unchecked(P - 1),
        _ => BaseField::from_u32_unchecked(rng.random_range(0..P)),
    }
}

pub fn bases(rng: &mut StdRng, n: usize) -> Vec<BaseField> {
    (0..n).map(|_| base(rng)).collect()
}

pub fn secure(rng: &mut StdRng) -> SecureField {
    SecureField::from_m31_array(std::array::from_fn(|_| base(rng)))
}

pub fn secures(rng: &mut StdRng, n: usize) -> Vec<SecureField> {
    (0..n).map(|_| secure(rng)).collect()
}

pub fn point(rng: &mut StdRng) -> CirclePoint<SecureField> {
    SECURE_FIELD_CIRCLE_GEN.mul(rng.random())
}

/// The same column on both backends.
pub fn both(
    rng: &mut StdRng,
    n: usize,
) -> (
    SecureColumnByCoords<CpuBackend>,
    SecureColumnByCoords<CudaBackend>,
) {
    let host: SecureColumnByCoords<CpuBackend> = secures(rng, n).into_iter().collect();
    let device = device(&host);
    (host, device)
}

pub fn device(host: &SecureColumnByCoords<CpuBackend>) -> SecureColumnByCoords<CudaBackend> {
    SecureColumnByCoords {
        columns: host
            .columns
            .each_ref()
            .map(|plane| plane.iter().copied().collect()),
    }
}

/// The planes of a device column.
pub fn host(device: &SecureColumnByCoords<CudaBackend>) -> [Vec<BaseField>; 4] {
    device.columns.each_ref().map(Column::to_cpu)
}
