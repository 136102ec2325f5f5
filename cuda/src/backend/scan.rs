//! Batch inverses and prefix sums, for traces of LogUp made on the device.

use std::sync::Arc;

use super::{planes, planes_mut};
use crate::column::{BaseColumn, SecureColumn};
use crate::context::CudaContext;
use crate::error::CudaError;
use crate::launch::{self, Grid};
use crate::memory::{Pointers, Words};

/// Threads of a block of the scan, and values that it sums.
const SCAN: usize = 256;

/// The inverses of the values, none of which is zero.
///
/// # Errors
/// [`CudaError::OutOfMemory`] and driver errors.
pub fn inverse_base(column: &BaseColumn) -> Result<BaseColumn, CudaError> {
    let context = column.context();
    let mut out = BaseColumn::allocate(context, column.len())?;
    launch::inverse_m31(
        context,
        Grid::linear(column.len().div_ceil(4)),
        column.words().ptr(),
        out.words_mut().ptr_mut()?,
        column.len() as u64,
    )?;
    Ok(out)
}

/// The inverses of the values, none of which is zero.
///
/// # Errors
/// [`CudaError::OutOfMemory`] and driver errors.
pub fn inverse_secure(column: &SecureColumn) -> Result<SecureColumn, CudaError> {
    let context = column.context();
    let mut out = SecureColumn::allocate(context, column.len())?;
    let [i0, i1, i2, i3] = planes(&column.planes);
    let [o0, o1, o2, o3] = planes_mut(&mut out.planes)?;
    launch::inverse_qm31(
        context,
        Grid::linear(column.len().div_ceil(4)),
        i0,
        i1,
        i2,
        i3,
        o0,
        o1,
        o2,
        o3,
        column.len() as u64,
    )?;
    Ok(out)
}

/// Replaces the values of each column, all of 2^log rows in bit-reversed circle order, by their
/// inclusive prefix sums in coset order.
///
/// # Errors
/// [`CudaError::OutOfMemory`] and driver errors.
pub fn prefix_sums(columns: &mut [&mut BaseColumn]) -> Result<(), CudaError> {
    let Some(first) = columns.first() else {
        return Ok(());
    };
    let (context, len) = (Arc::clone(first.context()), first.len());
    assert!(columns.iter().all(|column| column.len() == len) && len.is_power_of_two());
    scan(
        &context,
        columns
            .iter_mut()
            .map(|column| column.words_mut())
            .collect(),
        len.ilog2(),
        false,
    )
}

fn scan(
    context: &Arc<CudaContext>,
    mut columns: Vec<&mut Words>,
    log: u32,
    direct: bool,
) -> Result<(), CudaError> {
    let blocks = (1usize << log).div_ceil(SCAN);
    let grid = Grid {
        blocks: (blocks as u32, columns.len() as u32),
        threads: SCAN as u32,
        shared_bytes: 0,
    };
    let count = columns.len();
    let pointers = Pointers::new_mut(context, columns.iter_mut().map(|words| &mut **words))?;
    let mut totals = Words::uninitialized(context, blocks * count)?;
    launch::prefix_sum_blocks(
        context,
        grid,
        pointers.ptr_mut(),
        log,
        u32::from(direct),
        totals.ptr_mut()?,
    )?;
    if blocks == 1 {
        return Ok(());
    }
    // The totals of each column become columns of their own.
    let mut sums: Vec<Words> = (0..count)
        .map(|column| {
            totals
                .slice(column * blocks..(column + 1) * blocks)
                .duplicate()
        })
        .collect::<Result<_, _>>()?;
    scan(context, sums.iter_mut().collect(), blocks.ilog2(), true)?;
    for (column, sum) in sums.iter().enumerate() {
        totals.copy_from(column * blocks, sum)?;
    }
    launch::prefix_sum_add(
        context,
        grid,
        pointers.ptr_mut(),
        log,
        u32::from(direct),
        totals.ptr(),
    )
}
