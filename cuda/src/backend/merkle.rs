//! Lifted Blake2s Merkle trees: leaves in one launch per size of columns, all nodes at once.
//!
//! `build_leaves` hashes the whole tree, up to six levels per launch, into one buffer; the leaves
//! remember the layers above them and `build_next_layer` hands those out.

use std::sync::Arc;

use stwo::core::vcs::blake2_hash::Blake2sHash;
use stwo::core::vcs_lifted::blake2_merkle::Blake2sMerkleHasherGeneric;
use stwo::prover::backend::Col;
use stwo::prover::vcs_lifted::ops::MerkleOpsLifted;

use super::{CudaBackend, Openings};
use crate::column::{BaseColumn, HashColumn};
use crate::context::CudaContext;
use crate::error::{CudaError, OrRaise};
use crate::launch::{self, Grid};
use crate::memory::{Pointers, Ptr, Words};

/// Words of a hash.
const HASH: usize = 8;
/// Columns of a block of the hash function.
pub(crate) const BLOCK: usize = 16;
/// Threads, and first-level nodes, of a block of `merkle_subtree`.
const SUBTREE_LOG: u32 = 8;
/// Levels of a launch of `merkle_subtree` that does not end at the root.
const SUBTREE_LEVELS: u32 = 6;

/// The leaves over columns of ascending length, 2^lifting_log of them, and all layers above them.
fn build_tree(
    columns: &[&BaseColumn],
    lifting_log: u32,
    reduce: bool,
) -> Result<HashColumn, CudaError> {
    let context = CudaContext::current()?;
    let log = if columns.is_empty() { 0 } else { lifting_log };
    let leaves = build_leaves(&context, columns, log, reduce)?;
    let above = build_above(&leaves, log, reduce)?;
    let mut column = HashColumn::new(leaves);
    column.above = Some(above);
    Ok(column)
}

fn build_leaves(
    context: &Arc<CudaContext>,
    columns: &[&BaseColumn],
    log: u32,
    reduce: bool,
) -> Result<Words, CudaError> {
    let logs: Vec<u32> = columns.iter().map(|column| column.len().ilog2()).collect();
    assert!(logs.is_sorted(), "columns are sorted by ascending length");
    assert!(
        logs.iter().all(|&l| 1 <= l && l <= log),
        "columns have 2 to 2^{log} rows"
    );
    let pointers = Pointers::new(context, columns.iter().map(|column| column.words()))?;
    let device_logs = Words::list(context, logs.clone())?;
    let blocks = columns.len().div_ceil(BLOCK).max(1);
    // The size at which a block is absorbed is that of its longest column; the last block ends the
    // hash, so it is absorbed at the size of the tree.
    let block_log = |block: usize| match (block + 1 == blocks, logs.get(BLOCK * (block + 1) - 1)) {
        (false, Some(&l)) => l,
        _ => log,
    };
    let mut states: Option<(Words, u32)> = None;
    let mut block = 0;
    loop {
        let size = block_log(block);
        let end = (block..blocks)
            .find(|&b| block_log(b) != size)
            .unwrap_or(blocks);
        let mut out = Words::uninitialized(context, HASH << size)?;
        let (before, before_log) = match &states {
            Some((words, log)) => (words.ptr(), *log),
            None => (Ptr::NULL, 0),
        };
        launch::merkle_leaves(
            context,
            Grid::linear(1 << size),
            pointers.ptr(),
            device_logs.ptr(),
            columns.len() as u32,
            block as u32,
            end as u32,
            size,
            before,
            before_log,
            u32::from(end == blocks),
            u32::from(reduce),
            out.ptr_mut()?,
        )?;
        if end == blocks {
            return Ok(out);
        }
        states = Some((out, size));
        block = end;
    }
}

/// The layers above 2^log hashes, largest first, down to the root.
fn build_above(leaves: &Words, log: u32, reduce: bool) -> Result<Words, CudaError> {
    let context = Arc::clone(leaves.context());
    let mut above = Words::uninitialized(&context, HASH * ((1 << log) - 1))?;
    // Words from the start of `above` to the layer that is written next.
    let mut at = 0;
    for subtrees in Subtrees::plan(log) {
        let out = above.ptr_mut()?;
        let children = if at == 0 {
            leaves.ptr()
        } else {
            Ptr::from(out.offset(at - (HASH << (subtrees.log_parents + 1))))
        };
        launch::merkle_subtree(
            &context,
            subtrees.grid(),
            children,
            out.offset(at),
            subtrees.log_parents,
            subtrees.levels,
            u32::from(reduce),
        )?;
        at += HASH * subtrees.nodes();
    }
    Ok(above)
}

/// One launch of `merkle_subtree`: `levels` levels of nodes, of which the first has 2^log_parents.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subtrees {
    pub(crate) log_parents: u32,
    pub(crate) levels: u32,
}

impl Subtrees {
    /// The launches that build all nodes above 2^log leaves.
    pub(crate) fn plan(log: u32) -> Vec<Self> {
        let mut launches = Vec::new();
        let mut remaining = log;
        while remaining > 0 {
            let levels = if remaining <= SUBTREE_LOG + 1 {
                remaining
            } else {
                SUBTREE_LEVELS
            };
            launches.push(Self {
                log_parents: remaining - 1,
                levels,
            });
            remaining -= levels;
        }
        launches
    }

    pub(crate) fn grid(self) -> Grid {
        Grid {
            blocks: (1 << self.log_parents.saturating_sub(SUBTREE_LOG), 1),
            threads: 1 << SUBTREE_LOG,
            shared_bytes: 0,
        }
    }

    /// 2^log_parents + ... + 2^(log_parents - levels + 1).
    pub(crate) fn nodes(self) -> usize {
        (2 << self.log_parents) - (2 << self.log_parents >> self.levels)
    }
}

fn build_next_layer(previous: &HashColumn, reduce: bool) -> Result<HashColumn, CudaError> {
    let len = previous.words().len() / 2;
    let above = match &previous.above {
        Some(above) => above.clone(),
        None => build_above(previous.words(), previous.len().ilog2(), reduce)?,
    };
    let mut layer = HashColumn::new(above.slice(0..len));
    layer.above = Some(above.slice(len..above.len()));
    Ok(layer)
}

impl<const IS_M31_OUTPUT: bool> MerkleOpsLifted<Blake2sMerkleHasherGeneric<IS_M31_OUTPUT>>
    for CudaBackend
{
    fn build_leaves(columns: &[&BaseColumn], lifting_log_size: u32) -> Col<Self, Blake2sHash> {
        let leaves = build_tree(columns, lifting_log_size, IS_M31_OUTPUT).or_raise();
        Openings::note_layer(leaves.context(), &leaves);
        leaves
    }

    fn build_next_layer(previous: &HashColumn) -> Col<Self, Blake2sHash> {
        assert!(previous.len() >= 2, "the root has no layer above it");
        let layer = build_next_layer(previous, IS_M31_OUTPUT).or_raise();
        Openings::note_layer(layer.context(), &layer);
        layer
    }
}
