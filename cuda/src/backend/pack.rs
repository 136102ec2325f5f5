//! Four secure values as one leaf.

use std::sync::Arc;

use stwo::core::fields::qm31::SECURE_EXTENSION_DEGREE;
use stwo::core::vcs_lifted::verifier::PACKED_LEAF_SIZE;
use stwo::prover::vcs_lifted::ops::PackLeavesOps;

use super::CudaBackend;
use crate::column::BaseColumn;
use crate::error::{CudaError, OrRaise};
use crate::launch::{self, Grid};
use crate::memory::{Pointers, Words};

const PACKED: usize = SECURE_EXTENSION_DEGREE * PACKED_LEAF_SIZE;

fn pack(
    planes: &[&BaseColumn; SECURE_EXTENSION_DEGREE],
) -> Result<[BaseColumn; PACKED], CudaError> {
    let len = planes[0].len();
    assert!(planes.iter().all(|plane| plane.len() == len));
    assert!(len.is_multiple_of(PACKED_LEAF_SIZE));
    let rows = len / PACKED_LEAF_SIZE;
    let context = Arc::clone(planes[0].context());
    let inputs = Pointers::new(&context, planes.iter().map(|plane| plane.words()))?;
    let mut outputs = (0..PACKED)
        .map(|_| Words::uninitialized(&context, rows))
        .collect::<Result<Vec<_>, _>>()?;
    let targets = Pointers::new_mut(&context, &mut outputs)?;
    launch::pack_leaves(
        &context,
        Grid::rows(rows, SECURE_EXTENSION_DEGREE),
        inputs.ptr(),
        targets.ptr_mut(),
        rows as u64,
    )?;
    drop(targets);
    let mut outputs = outputs.into_iter().map(BaseColumn::new);
    Ok(std::array::from_fn(|_| {
        outputs.next().expect("one output per column")
    }))
}

impl PackLeavesOps for CudaBackend {
    fn pack_leaves_input(values: &[&BaseColumn; SECURE_EXTENSION_DEGREE]) -> [BaseColumn; PACKED] {
        pack(values).or_raise()
    }
}
