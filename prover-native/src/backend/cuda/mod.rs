//! The CUDA backend: tables, codewords, trees and sumchecks stay on the device; the host sees caps,
//! round messages and opened rows. Nothing falls back to the CPU: what fails, fails with its error.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use stwo::core::channel::Blake2sChannel;
use stwo::core::poly::circle::CanonicCoset;
use stwo::core::proof_of_work::GrindOps;
use stwo::core::vcs::blake2_hash::Blake2sHash;
use stwo::core::vcs_lifted::blake2_merkle::Blake2sMerkleHasher;
use stwo::prover::mempool::BaseColumnPool;
use stwo::prover::poly::circle::{CircleCoefficients, PolyOps};
use stwo::prover::poly::twiddles::TwiddleTree;
use stwo::prover::vcs_lifted::prover::MerkleProverLifted;
use stwo_ml_cuda::backend::{bit_reverse_columns, open_rows};
use stwo_ml_cuda::column::BaseColumn;
use stwo_ml_cuda::memory::Words;
use stwo_ml_cuda::{CudaBackend, CudaContext, CudaError, doctor};
use stwo_ml_verifier::Digest;
use stwo_ml_verifier::field::{M31, QM31};
use stwo_ml_verifier::lookup::Fingerprint;
use stwo_ml_verifier::proof::Rows;
use stwo_ml_verifier::security::Parameters;
use stwo_ml_verifier::shape::Word;

use super::lanes::from_base;
use super::twiddles::inverse_twiddles;
use super::{
    Backend, Block, Cells, Committed, Folding, FractionTree, Operations, Product, ProductSumcheck,
    Result, next_nonce,
};

mod folding;
mod fractions;
mod products;

/// A CUDA device that proves.
pub struct Cuda {
    context: Arc<CudaContext>,
    /// By the base-two logarithm of the codeword's length.
    twiddles: Cache<TwiddleTree<CudaBackend>>,
    inverses: Cache<Vec<Words>>,
}

impl std::fmt::Debug for Cuda {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cuda")
            .field("context", &self.context)
            .finish_non_exhaustive()
    }
}

/// Cells that are sent and encoded together: a megabyte, so that launches are few and start early.
const PART: usize = 1 << 18;

/// What the device keeps from one proof to the next.
type Cache<T> = Mutex<HashMap<u32, Arc<T>>>;

fn cached<T>(
    cache: &Cache<T>,
    log_length: u32,
    make: impl FnOnce() -> std::result::Result<T, CudaError>,
) -> std::result::Result<Arc<T>, CudaError> {
    let mut cache = cache.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(found) = cache.get(&log_length) {
        return Ok(Arc::clone(found));
    }
    let made = Arc::new(make()?);
    cache.insert(log_length, Arc::clone(&made));
    Ok(made)
}

impl Cuda {
    /// Opens device `ordinal`.
    ///
    /// # Errors
    /// [`CudaError`] where there is no driver or no such device, the device does not run the
    /// kernels, or it is the interpreter made for tests, which proves nothing in useful time.
    pub fn new(ordinal: usize) -> std::result::Result<Self, CudaError> {
        let context = CudaContext::new(ordinal)?;
        if context.is_stand_in() {
            return Err(CudaError::Unsupported {
                operation: "proving",
                reason: format!(
                    "the device {}, which interprets kernels for tests: install NVIDIA's driver",
                    context.name()
                ),
            });
        }
        Self::on(context)
    }

    /// Opens device `ordinal`, be it a device or the interpreter made for tests.
    ///
    /// # Errors
    /// As [`Cuda::new`].
    #[cfg(feature = "test-stand-in")]
    pub fn new_or_stand_in(ordinal: usize) -> std::result::Result<Self, CudaError> {
        CudaContext::new(ordinal).and_then(Self::on)
    }

    fn on(context: Arc<CudaContext>) -> std::result::Result<Self, CudaError> {
        doctor::check(&context)?;
        Ok(Self {
            context,
            twiddles: Mutex::default(),
            inverses: Mutex::default(),
        })
    }

    /// The device.
    pub fn context(&self) -> &Arc<CudaContext> {
        &self.context
    }

    /// Codewords of columns of `2^log_rows` coefficients, whose rows are in bit-reversed order.
    fn encode(
        &self,
        columns: Vec<BaseColumn>,
        log_rows: u32,
        log_blowup: u32,
    ) -> std::result::Result<Vec<BaseColumn>, CudaError> {
        self.context.enter(|| {
            let log_length = log_rows + log_blowup;
            let coset = CanonicCoset::new(log_length).half_coset();
            let twiddles = || Ok(CudaBackend::precompute_twiddles(coset));
            let twiddles = cached(&self.twiddles, log_length, twiddles)?;
            let polynomials = columns
                .into_iter()
                .map(CircleCoefficients::<CudaBackend>::new);
            let words = CudaBackend::evaluate_polynomials(
                polynomials.collect(),
                log_blowup,
                &twiddles,
                false,
                &BaseColumnPool::new(),
            );
            Ok(words.into_iter().map(|word| word.evals.values).collect())
        })?
    }

    /// A tree over columns of `2^log_length` rows.
    fn tree(
        &self,
        columns: Vec<BaseColumn>,
        log_length: u32,
    ) -> std::result::Result<Tree, CudaError> {
        let hash = || MerkleProverLifted::commit(columns.iter().collect(), log_length, 0);
        let tree = self.context.enter(hash)?;
        Ok(Tree { columns, tree })
    }

    /// The inverse twiddles of a word's folds, on the device.
    fn inverses(&self, log_length: u32) -> std::result::Result<Arc<Vec<Words>>, CudaError> {
        cached(&self.inverses, log_length, || {
            self.context.counters().host("inverse twiddles");
            let layers = inverse_twiddles(log_length).iter();
            layers.map(|layer| upload(&self.context, layer)).collect()
        })
    }
}

fn upload(context: &Arc<CudaContext>, values: &[M31]) -> std::result::Result<Words, CudaError> {
    let words: Vec<u32> = values.iter().map(|v| v.value()).collect();
    Words::upload(context, words)
}

/// Columns and the Merkle tree over their rows.
struct Tree {
    columns: Vec<BaseColumn>,
    tree: MerkleProverLifted<CudaBackend, Blake2sMerkleHasher>,
}

impl Tree {
    fn cap(&self, log_cap: u32) -> std::result::Result<Vec<Digest>, CudaError> {
        let cap = self.tree.layers[log_cap as usize].download()?;
        Ok(cap.into_iter().map(|h| Digest(h.0)).collect())
    }

    /// The given rows, one value per column.
    fn rows(&self, rows: &[usize]) -> std::result::Result<Vec<Vec<M31>>, CudaError> {
        let wanted: Vec<_> = self.columns.iter().map(|c| (c, rows.to_vec())).collect();
        open_rows(&wanted)?;
        let columns: Vec<Vec<M31>> = self
            .columns
            .iter()
            .map(|column| Ok(column.read_rows(rows)?.into_iter().map(from_base).collect()))
            .collect::<std::result::Result<_, CudaError>>()?;
        Ok((0..rows.len())
            .map(|row| columns.iter().map(|column| column[row]).collect())
            .collect())
    }

    /// The siblings from each coset to the cap, in a tree that goes on below the cosets or not.
    fn paths(
        &self,
        word: Word,
        cosets: &[usize],
    ) -> std::result::Result<Vec<Vec<Digest>>, CudaError> {
        let depths = || (word.log_cap + 1..=word.log_cosets()).rev().enumerate();
        let siblings = |up: usize| {
            cosets
                .iter()
                .map(move |c| (c >> up) ^ 1)
                .collect::<Vec<_>>()
        };
        let layer = |depth: u8| &self.tree.layers[usize::from(depth)];
        let wanted: Vec<_> = depths()
            .map(|(up, depth)| (layer(depth), siblings(up)))
            .collect();
        open_rows(&wanted)?;
        let read =
            |(layer, rows): &(&stwo_ml_cuda::column::HashColumn, Vec<usize>)| layer.read_rows(rows);
        let layers: Vec<Vec<Blake2sHash>> = wanted
            .iter()
            .map(read)
            .collect::<std::result::Result<_, CudaError>>()?;
        Ok((0..cosets.len())
            .map(|coset| layers.iter().map(|layer| Digest(layer[coset].0)).collect())
            .collect())
    }
}

/// A committed table on the device.
pub struct Table {
    /// All cells, column after column.
    cells: Words,
    log_rows: u32,
    tree: Tree,
}

impl std::fmt::Debug for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Table")
            .field("cells", &self.cells)
            .finish_non_exhaustive()
    }
}

impl Table {
    fn cells(&self, cells: Cells) -> Words {
        self.cells.slice(cells.range())
    }
}

impl Committed for Table {
    fn cap(&self, log_cap: u32) -> Result<Vec<Digest>> {
        Ok(self.tree.cap(log_cap)?)
    }

    fn open(&self, word: Word, cosets: &[usize]) -> Result<Vec<Rows>> {
        let length = word.coset_length();
        let rows = cosets.iter().flat_map(|c| c * length..(c + 1) * length);
        let mut rows = self.tree.rows(&rows.collect::<Vec<_>>())?.into_iter();
        let paths = self.tree.paths(word, cosets)?.into_iter();
        Ok(paths
            .map(|path| Rows {
                rows: rows.by_ref().take(length).collect(),
                path,
            })
            .collect())
    }
}

impl Backend for Cuda {
    type Table = Table;

    fn name(&self) -> &'static str {
        "cuda"
    }

    fn operations(&self) -> Option<Operations> {
        let counts = self.context.counters().snapshot();
        let host = counts.host.iter().map(|(name, n)| ((*name).to_owned(), *n));
        Some(Operations {
            device_name: self.context.name().to_owned(),
            device: counts.device,
            host: host.collect(),
            bytes_to_device: counts.bytes_to_device,
            bytes_to_host: counts.bytes_to_host,
            copies_to_host: counts.copies_to_host,
        })
    }

    fn commit(&self, cells: Vec<M31>, log_rows: u32, level: Parameters) -> Result<Table> {
        let (rows, log_blowup) = (1 << log_rows, u32::from(level.log_blowup));
        let mut table = Words::uninitialized(&self.context, cells.len())?;
        let mut codewords = Vec::with_capacity(cells.len() / rows);
        let mut done = 0;
        // Launches do not wait: while the device encodes a part, the host sends the next one.
        for part in cells.chunks(rows.max(PART)) {
            let mut part = upload(&self.context, part)?;
            table.copy_from(done, &part)?;
            done += part.len();
            bit_reverse_columns(&mut part, log_rows)?;
            let starts = (0..part.len()).step_by(rows);
            let columns = starts.map(|start| BaseColumn::new(part.slice(start..start + rows)));
            codewords.extend(self.encode(columns.collect(), log_rows, log_blowup)?);
        }
        Ok(Table {
            tree: self.tree(codewords, log_rows + log_blowup)?,
            cells: table,
            log_rows,
        })
    }

    fn grind(&self, seed: &Digest, bits: u32) -> Result<u64> {
        let mut channel = Blake2sChannel::default();
        channel.update_digest(Blake2sHash(seed.0));
        Ok(self.context.enter(|| CudaBackend::grind(&channel, bits))?)
    }

    fn grind_past(&self, seed: &Digest, bits: u32, refused: u64) -> u64 {
        self.context.counters().host("next nonce");
        next_nonce(seed, bits, refused)
    }

    fn fractions<'a>(
        &'a self,
        tables: [&'a Table; 2],
        blocks: &'a [Block<'a>],
        log_leaves: u32,
        fingerprint: Fingerprint,
    ) -> Result<Box<dyn FractionTree + 'a>> {
        let tree = fractions::Tree::new(&self.context, tables, blocks, log_leaves, fingerprint)?;
        Ok(Box::new(tree))
    }

    fn products<'a>(
        &'a self,
        tables: [&'a Table; 2],
        products: &[Product],
        variables: usize,
    ) -> Result<Box<dyn ProductSumcheck + 'a>> {
        let products = products::Products::new(&self.context, tables, products, variables)?;
        Ok(Box::new(products))
    }

    fn combine<'a>(
        &'a self,
        tables: [&'a Table; 2],
        coefficients: [&[QM31]; 2],
        row: &[QM31],
        level: Parameters,
    ) -> Result<Box<dyn Folding + 'a>> {
        let folded = folding::Folded::new(self, tables, coefficients, row, level)?;
        Ok(Box::new(folded))
    }
}
