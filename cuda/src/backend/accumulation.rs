//! Sums and lifts of secure columns.

use std::sync::Arc;

use num_traits::One;
use stwo::core::fields::qm31::SecureField;
use stwo::prover::AccumulationOps;
use stwo::prover::secure_column::SecureColumnByCoords;

use super::{CudaBackend, planes, planes_mut};
use crate::error::{CudaError, OrRaise};
use crate::launch::{self, Grid};

type Secure = SecureColumnByCoords<CudaBackend>;

fn accumulate(column: &mut Secure, other: &Secure) -> Result<(), CudaError> {
    assert_eq!(column.len(), other.len());
    let n = column.len();
    let context = Arc::clone(column.columns[0].context());
    let [a0, a1, a2, a3] = planes_mut(&mut column.columns)?;
    let [b0, b1, b2, b3] = planes(&other.columns);
    launch::accumulate(
        &context,
        Grid::linear(n),
        a0,
        a1,
        a2,
        a3,
        b0,
        b1,
        b2,
        b3,
        n as u64,
    )
}

/// Adds the lift of `short` to `long`.
fn lift_accumulate(long: &mut Secure, short: &Secure) -> Result<(), CudaError> {
    let log = long.len().ilog2();
    let ratio = log
        .checked_sub(short.len().ilog2())
        .expect("columns are sorted by ascending length");
    let context = Arc::clone(long.columns[0].context());
    let [a0, a1, a2, a3] = planes_mut(&mut long.columns)?;
    let [b0, b1, b2, b3] = planes(&short.columns);
    launch::lift_accumulate(
        &context,
        Grid::linear(1 << log),
        a0,
        a1,
        a2,
        a3,
        b0,
        b1,
        b2,
        b3,
        log,
        ratio,
    )
}

impl AccumulationOps for CudaBackend {
    fn accumulate(column: &mut Secure, other: &Secure) {
        accumulate(column, other).or_raise();
    }

    /// A handful of powers, of which kernels take single ones: computed on the host.
    fn generate_secure_powers(felt: SecureField, n_powers: usize) -> Vec<SecureField> {
        std::iter::successors(Some(SecureField::one()), |&power| Some(power * felt))
            .take(n_powers)
            .collect()
    }

    fn lift_and_accumulate(columns: Vec<Secure>) -> Option<Secure> {
        columns.into_iter().reduce(|short, mut long| {
            lift_accumulate(&mut long, &short).or_raise();
            long
        })
    }
}
