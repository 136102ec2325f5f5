//! stwo's backend traits on the device, one file per family.

mod accumulation;
mod fri;
mod gkr;
mod grind;
mod merkle;
mod open;
mod out_of_domain;
mod pack;
mod poly;
mod quotient;
mod scan;
mod twiddles;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use stwo::core::circle::Coset;
use stwo::core::fields::m31::BaseField;
use stwo::core::fields::qm31::{SECURE_EXTENSION_DEGREE, SecureField};
use stwo::core::vcs::blake2_hash::Blake2sHash;
use stwo::core::vcs_lifted::blake2_merkle::{Blake2sM31MerkleChannel, Blake2sMerkleChannel};
use stwo::prover::backend::{Backend, BackendForChannel, ColumnOps};

use crate::column::{BaseColumn, DeviceColumn, Element, HashColumn, SecureColumn};
use crate::context::CudaContext;
use crate::error::{CudaError, OrRaise};
use crate::launch::{self, Grid, Point, Qm31};
use crate::memory::{Pointers, Ptr, PtrMut, Words};

pub(crate) use fri::MAX_STEP;
pub(crate) use grind::window;
pub(crate) use merkle::{BLOCK, Subtrees};
pub(crate) use open::Openings;
pub use open::{open_rows, prove};
pub(crate) use out_of_domain::{FftBasis, coefficients_grid};
pub(crate) use poly::{MAX_COLUMNS, Pass, evaluate_columns};
pub use scan::{inverse_base, inverse_secure, prefix_sums};
pub use twiddles::Twiddles;

/// The backend: columns live on the device, operations run there.
///
/// Its operations run inside [`crate::CudaContext::scope`].
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct CudaBackend;

impl Backend for CudaBackend {}
impl BackendForChannel<Blake2sMerkleChannel> for CudaBackend {}
impl BackendForChannel<Blake2sM31MerkleChannel> for CudaBackend {}

impl ColumnOps<BaseField> for CudaBackend {
    type Column = BaseColumn;

    fn bit_reverse_column(column: &mut BaseColumn) {
        bit_reverse(column).or_raise();
    }
}

impl ColumnOps<Blake2sHash> for CudaBackend {
    type Column = HashColumn;

    fn bit_reverse_column(column: &mut HashColumn) {
        bit_reverse(column).or_raise();
    }
}

impl ColumnOps<SecureField> for CudaBackend {
    type Column = SecureColumn;

    fn bit_reverse_column(column: &mut SecureColumn) {
        for plane in &mut column.planes {
            bit_reverse(plane).or_raise();
        }
    }
}

/// Reverses the bits of the row in each of the columns of 2^log_rows values that `columns` holds one
/// after the other.
///
/// # Errors
/// [`CudaError::OutOfMemory`] and driver errors.
///
/// # Panics
/// Where the columns are more than 65,535 or no whole number.
pub fn bit_reverse_columns(columns: &mut Words, log_rows: u32) -> Result<(), CudaError> {
    bit_reverse_rows(columns, log_rows, 1)
}

/// The same for elements of several words.
fn bit_reverse_rows(columns: &mut Words, log_rows: u32, element: usize) -> Result<(), CudaError> {
    let (context, rows) = (Arc::clone(columns.context()), 1usize << log_rows);
    let length = rows * element;
    assert!(columns.len().is_multiple_of(length), "whole columns");
    let count = columns.len() / length;
    assert!(count <= MAX_COLUMNS, "{count} columns in one launch");
    let pointers = Pointers::columns_mut(columns, length)?;
    let grid = Grid::rows(rows, count);
    launch::bit_reverse_rows(&context, grid, pointers.ptr_mut(), log_rows, element as u32)
}

fn bit_reverse<T: Element>(column: &mut DeviceColumn<T>) -> Result<(), CudaError> {
    let len = column.len();
    assert!(len.is_power_of_two(), "{len} rows cannot be bit-reversed");
    bit_reverse_rows(column.words_mut(), len.ilog2(), T::WORDS)
}

/// The four planes of a secure column.
pub(crate) type Planes = [BaseColumn; SECURE_EXTENSION_DEGREE];

/// The planes' addresses, to read.
pub(crate) fn planes(columns: &Planes) -> [Ptr<'_, u32>; SECURE_EXTENSION_DEGREE] {
    columns.each_ref().map(|column| column.words().ptr())
}

/// The planes' addresses, to write.
pub(crate) fn planes_mut(
    columns: &mut Planes,
) -> Result<[PtrMut<'_, u32>; SECURE_EXTENSION_DEGREE], CudaError> {
    let [a, b, c, d] = columns
        .each_mut()
        .map(|column| column.words_mut().ptr_mut());
    Ok([a?, b?, c?, d?])
}

/// A secure field element as kernels take it.
pub(crate) fn qm31(value: SecureField) -> Qm31 {
    Qm31(value.to_m31_array().map(|coordinate| coordinate.0))
}

/// A base field element as kernels take factors: doubled.
pub(crate) fn doubled(value: BaseField) -> u32 {
    value.0 << 1
}

/// A coset's first point, and 2^k times its step for every k, on the device.
pub(crate) fn coset_steps(
    context: &Arc<CudaContext>,
    coset: Coset,
) -> Result<(Point, Words), CudaError> {
    let mut step = coset.step;
    let mut words = Vec::new();
    for _ in 0..coset.log_size.max(1) {
        words.extend([step.x.0, step.y.0]);
        step = step.double();
    }
    let initial = Point {
        x: coset.initial.x.0,
        y: coset.initial.y.0,
    };
    Ok((initial, Words::list(context, words)?))
}

/// The sum of the partial sums that the blocks of a launch left, four words each.
pub(crate) fn sum_partials(words: &[u32]) -> SecureField {
    words
        .chunks_exact(SECURE_EXTENSION_DEGREE)
        .map(|word| {
            SecureField::from_m31_array(std::array::from_fn(|i| {
                BaseField::from_u32_unchecked(word[i])
            }))
        })
        .sum()
}
