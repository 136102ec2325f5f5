//! Openings: many rows of many columns with one gather, before they are read one by one.
//!
//! stwo's prover opens a proof's columns with `Column::at`, element by element. [`prove`] is that prover; it notes
//! which columns and layers of trees the proof will open, and when the proof of work is done, which fixes the
//! queries, all their rows are read at once. A row that was not foreseen is read when it is asked for, and counted.

use std::sync::Arc;

use stwo::core::channel::{Channel, MerkleChannel};
use stwo::core::proof::StarkProof;
use stwo::core::queries::draw_queries;
use stwo::core::vcs::blake2_hash::Blake2sHash;
use stwo::core::vcs_lifted::merkle_hasher::MerkleHasherLifted;
use stwo::prover::backend::BackendForChannel;
use stwo::prover::{CommitmentSchemeProver, ComponentProver, ProvingError};

use super::CudaBackend;
use crate::column::{BaseColumn, DeviceColumn, Element, HashColumn, element};
use crate::context::CudaContext;
use crate::error::{CudaError, OrRaise};
use crate::launch::{self, Grid};
use crate::memory::{Pointers, Words};

/// What a proof in the making will open.
#[derive(Debug, Default)]
pub(crate) struct Openings {
    queries: usize,
    fold_step: u32,
    columns: Vec<BaseColumn>,
    layers: Vec<HashColumn>,
    /// log 2 of the domain in which queries are drawn: that of FRI's first layer, the longest column.
    log: u32,
}

impl Openings {
    /// Notes columns, if a proof that opens them is in the making.
    pub(super) fn note_columns<'a>(
        context: &CudaContext,
        columns: impl IntoIterator<Item = &'a BaseColumn>,
    ) {
        context.openings(|openings| {
            if let Some(openings) = openings {
                for column in columns {
                    openings.log = openings.log.max(column.len().ilog2());
                    openings.columns.push(column.alias());
                }
            }
        });
    }

    /// Notes a layer of a tree, if a proof that opens it is in the making.
    pub(super) fn note_layer(context: &CudaContext, layer: &HashColumn) {
        context.openings(|openings| {
            if let Some(openings) = openings {
                openings.layers.push(layer.alias());
            }
        });
    }

    /// The rows of a column of `len` that queries touch: on a shorter domain the rows of the pair, or of the
    /// fold, in which each query falls.
    fn rows(&self, len: usize, queries: &[usize]) -> Vec<usize> {
        let Some(halvings) = self.log.checked_sub(len.ilog2()) else {
            return Vec::new();
        };
        let group = (1usize << self.fold_step.max(1)).min(len);
        let starts = queries
            .iter()
            .map(|query| (query >> halvings) / group * group);
        let mut rows: Vec<usize> = starts.flat_map(|start| start..start + group).collect();
        rows.sort_unstable();
        rows.dedup();
        rows
    }

    /// Reads all rows that the queries touch, which `channel` is about to give.
    pub(super) fn read(context: &CudaContext, mut channel: impl Channel) -> Result<(), CudaError> {
        let Some(openings) = context.openings(Option::take) else {
            return Ok(());
        };
        let queries = draw_queries(&mut channel, openings.log, openings.queries);
        let columns: Vec<_> = openings
            .columns
            .iter()
            .map(|column| (column, openings.rows(column.len(), &queries)))
            .collect();
        open_rows(&columns)?;
        let layers: Vec<_> = openings
            .layers
            .iter()
            .map(|layer| (layer, openings.rows(layer.len(), &queries)))
            .collect();
        open_rows(&layers)
    }
}

/// stwo's `prove` on the device, with all openings of the proof read at once. The proof is the same.
///
/// # Errors
/// [`ProvingError`] where the trace does not satisfy the constraints.
pub fn prove<MC>(
    components: &[&dyn ComponentProver<CudaBackend>],
    channel: &mut MC::C,
    scheme: CommitmentSchemeProver<'_, CudaBackend, MC>,
) -> Result<StarkProof<MC::H>, ProvingError>
where
    MC: MerkleChannel<H: MerkleHasherLifted<Hash = Blake2sHash>>,
    CudaBackend: BackendForChannel<MC>,
{
    let context = CudaContext::current().or_raise();
    let fri = &scheme.config.fri_config;
    context.openings(|openings| {
        *openings = Some(Openings {
            queries: fri.n_queries,
            fold_step: fri.fold_step,
            ..Openings::default()
        });
    });
    for tree in scheme.trees.iter() {
        let columns = tree.polynomials.iter().map(|poly| &poly.evals.values);
        Openings::note_columns(&context, columns);
        for layer in &tree.commitment.layers {
            Openings::note_layer(&context, layer);
        }
    }
    let proof = stwo::prover::prove(components, channel, scheme);
    context.openings(Option::take);
    proof
}

/// Reads the given rows of every column in one launch and one copy; the columns remember them, so
/// that `Column::at` of those rows needs no device.
///
/// # Errors
/// Driver errors, among them failures of earlier kernels.
///
/// # Panics
/// Where a row lies outside of its column.
pub fn open_rows<T: Element>(columns: &[(&DeviceColumn<T>, Vec<usize>)]) -> Result<(), CudaError> {
    let Some((first, _)) = columns.first() else {
        return Ok(());
    };
    let context = Arc::clone(first.context());
    let mut column_of = Vec::new();
    let mut rows = Vec::new();
    for (index, (column, wanted)) in columns.iter().enumerate() {
        assert!(wanted.iter().all(|&row| row < column.len()));
        column_of.extend(std::iter::repeat_n(index as u32, wanted.len()));
        rows.extend(wanted.iter().map(|&row| row as u32));
    }
    let count = rows.len();
    if count == 0 {
        return Ok(());
    }
    let pointers = Pointers::new(&context, columns.iter().map(|(column, _)| column.words()))?;
    let device_columns = Words::list(&context, column_of)?;
    let device_rows = Words::list(&context, rows)?;
    let mut out = Words::uninitialized(&context, count * T::WORDS)?;
    launch::gather(
        &context,
        Grid::linear(count * T::WORDS),
        pointers.ptr(),
        device_columns.ptr(),
        device_rows.ptr(),
        count as u64,
        T::WORDS as u32,
        out.ptr_mut()?,
    )?;
    let words = out.download()?;
    let mut values = words.chunks_exact(T::WORDS).map(element);
    for (column, wanted) in columns {
        column.remember(wanted.iter().copied().zip(values.by_ref()));
    }
    Ok(())
}
