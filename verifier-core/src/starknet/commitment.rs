//! The input-output commitment.

use alloc::vec::Vec;

use super::{Felt, StarknetError, poseidon};
use crate::field::M31;
use crate::statement::Statement;
use crate::vk::{Port, Vk};

/// `poseidon([rows, cols, len, values...] of the input, then of the output)`.
///
/// `cols` is the last axis, `rows` the product of the others (1 if there are none), `len` their
/// product, and a value `v` is the representative of `v` modulo `2^31 - 1`. Defined for models of one
/// input and one output, each of at least one axis.
///
/// # Errors
/// [`StarknetError::Ports`] or [`StarknetError::Scalar`] where it is not defined,
/// [`StarknetError::Verify`] if the statement is not one of the key.
pub fn io_commitment(vk: &Vk, statement: &Statement) -> Result<Felt, StarknetError> {
    statement.check(vk)?;
    let ([input], [output]) = (&vk.inputs[..], &vk.outputs[..]) else {
        return Err(StarknetError::Ports {
            inputs: vk.inputs.len(),
            outputs: vk.outputs.len(),
        });
    };
    let mut span = Vec::new();
    for (port, tensors) in [(input, &statement.inputs), (output, &statement.outputs)] {
        append(&mut span, port, tensors.iter().flatten())?;
    }
    Ok(poseidon(&span))
}

fn append<'a>(
    span: &mut Vec<Felt>,
    port: &Port,
    values: impl Iterator<Item = &'a i32>,
) -> Result<(), StarknetError> {
    let (columns, rows) = port.dims.split_last().ok_or(StarknetError::Scalar)?;
    let rows = rows.iter().fold(1u32, |n, axis| n.saturating_mul(*axis));
    span.extend([rows, *columns].map(Felt::from));
    span.push(port.count().into());
    span.extend(values.map(|v| Felt::from(M31::from_i64((*v).into()).value())));
    Ok(())
}
