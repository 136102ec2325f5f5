//! Where the heavy arithmetic runs.
//!
//! The prover asks a [`Backend`] for everything that grows with the tables: commitments, proofs of
//! work, the sumchecks with the forms they sum over, and the opening. Tables stay where the backend
//! computes, from their commitment to the opened rows; the host sees caps, round messages and
//! opened rows. [`Simd`] is the fast backend of this crate, [`Scalar`] the reference; all backends
//! produce the same values, hence the same proof bytes.

use std::collections::BTreeMap;

use stwo_ml_verifier::Digest;
use stwo_ml_verifier::field::{M31, QM31};
use stwo_ml_verifier::hash::grind_ok;
use stwo_ml_verifier::lookup::Fingerprint;
use stwo_ml_verifier::proof::{Coset, Rows};
use stwo_ml_verifier::security::Parameters;
use stwo_ml_verifier::shape::Word;

#[cfg(feature = "cuda")]
mod cuda;
mod description;
mod lanes;
mod scalar;
mod simd;
mod twiddles;

#[cfg(feature = "cuda")]
pub use cuda::Cuda;
pub use description::{Block, Cells, Column, Contracted, Form, Part, Product, Replacement};
pub use scalar::Scalar;
pub use simd::Simd;

/// Why a backend could not compute. The backends of the CPU always can.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BackendError {
    /// A CUDA device or its driver failed.
    #[cfg(feature = "cuda")]
    #[error(transparent)]
    Cuda(#[from] stwo_ml_cuda::CudaError),
}

/// What a backend with a device of its own did so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Operations {
    /// The device.
    pub device_name: String,
    /// Operations on the device, by name.
    pub device: BTreeMap<String, u64>,
    /// Operations that the backend leaves to the host on purpose, by name.
    pub host: BTreeMap<String, u64>,
    /// Bytes copied to the device.
    pub bytes_to_device: u64,
    /// Bytes copied to the host.
    pub bytes_to_host: u64,
    /// Copies to the host, each of which waits for the device.
    pub copies_to_host: u64,
}

/// The result of a backend's operation.
pub type Result<T> = std::result::Result<T, BackendError>;

/// A committed table: columns, their codewords and their Merkle tree.
pub trait Committed: Send + Sync {
    /// The Merkle cap of `2^log_cap` nodes.
    ///
    /// # Errors
    /// What the backend reports.
    fn cap(&self, log_cap: u32) -> Result<Vec<Digest>>;

    /// The rows of the codewords at every point of the given cosets, each with the path of the
    /// coset to the cap.
    ///
    /// # Errors
    /// What the backend reports.
    fn open(&self, word: Word, cosets: &[usize]) -> Result<Vec<Rows>>;
}

/// The state of a sumcheck over the fractions of one layer.
pub trait LayerSumcheck {
    /// `(g(0), g(inf))` of the current round.
    ///
    /// # Errors
    /// What the backend reports.
    fn round(&mut self) -> Result<[QM31; 2]>;

    /// Binds the highest variable.
    ///
    /// # Errors
    /// What the backend reports.
    fn bind(&mut self, r: QM31) -> Result<()>;

    /// `n(0, x), n(1, x), d(0, x), d(1, x)` when no variable is left.
    ///
    /// # Errors
    /// What the backend reports.
    fn halves(&mut self) -> Result<[QM31; 4]>;
}

/// The layers of a tree of fractions.
pub trait FractionTree {
    /// The root's two children: `n(0), n(1), d(0), d(1)`.
    ///
    /// # Errors
    /// What the backend reports.
    fn root(&self) -> Result<[QM31; 4]>;

    /// Starts the sumcheck of the layer of `2^depth` nodes, with numerator and denominator
    /// batched by `batch`, weighted by `eq(weight, .)`; frees the layer. Depths ascend from 1.
    ///
    /// # Errors
    /// What the backend reports.
    fn layer(
        &mut self,
        depth: usize,
        batch: QM31,
        weight: &[QM31],
    ) -> Result<Box<dyn LayerSumcheck + '_>>;

    /// The multilinear extensions, at the low coordinates of a point of the leaves, of what the
    /// blocks are made of: for each block in turn its multiplicities, inputs and outputs, leaving
    /// out columns that have a closed form.
    ///
    /// # Errors
    /// What the backend reports.
    fn columns(&self, point: &[QM31]) -> Result<Vec<QM31>>;
}

/// The state of a sumcheck over [`Product`]s.
pub trait ProductSumcheck {
    /// The sum of each product, `sum_x base(x) form(x)`; before the first round.
    ///
    /// # Errors
    /// What the backend reports.
    fn values(&mut self) -> Result<Vec<QM31>>;

    /// Weighs product `k` by `batch^k` (by 1 unless called); before the first round.
    fn batch(&mut self, batch: QM31);

    /// `(g(0), g(1), g(inf))` of the current round.
    ///
    /// # Errors
    /// What the backend reports.
    fn round(&mut self) -> Result<[QM31; 3]>;

    /// Binds the highest variable.
    ///
    /// # Errors
    /// What the backend reports.
    fn bind(&mut self, r: QM31) -> Result<()>;

    /// The value of each product's base and form, without its weight, when no variable is left.
    ///
    /// # Errors
    /// What the backend reports.
    fn ends(&mut self) -> Result<Vec<[QM31; 2]>>;
}

/// The state of the opening: a message, its codeword, and the committed words so far.
pub trait Folding {
    /// The evaluations of the two halves of the message at the later coordinates of the point.
    ///
    /// # Errors
    /// What the backend reports.
    fn round(&mut self) -> Result<[QM31; 2]>;

    /// Binds the highest variable of the message and folds the codeword accordingly.
    ///
    /// # Errors
    /// What the backend reports.
    fn fold(&mut self, r: QM31) -> Result<()>;

    /// Commits to the codeword, a leaf per coset, and returns the cap.
    ///
    /// # Errors
    /// What the backend reports.
    fn commit(&mut self, word: Word) -> Result<Vec<Digest>>;

    /// The message.
    ///
    /// # Errors
    /// What the backend reports.
    fn message(&mut self) -> Result<Vec<QM31>>;

    /// Cosets of the committed word number `layer`, with their paths to its cap.
    ///
    /// # Errors
    /// What the backend reports.
    fn open(&self, layer: usize, cosets: &[usize]) -> Result<Vec<Coset>>;

    /// Adds one to every entry of the codeword: the malicious prover of the tests.
    ///
    /// # Errors
    /// What the backend reports.
    #[cfg(feature = "test-levels")]
    fn corrupt(&mut self) -> Result<()>;
}

/// An implementation of the heavy operations.
///
/// Pairs of tables are the witness's and the weights', in this order.
pub trait Backend: Send + Sync {
    /// A committed table, where the backend computes.
    type Table: Committed;

    /// The backend's name, for reports.
    fn name(&self) -> &'static str;

    /// What was done so far on a device and on the host; `None` where the host is all there is.
    fn operations(&self) -> Option<Operations> {
        None
    }

    /// Commits to columns of `2^log_rows` cells, column after column, a power of two of them.
    ///
    /// # Errors
    /// What the backend reports.
    fn commit(&self, cells: Vec<M31>, log_rows: u32, level: Parameters) -> Result<Self::Table>;

    /// The least nonce in stwo's search order.
    ///
    /// # Errors
    /// What the backend reports.
    fn grind(&self, seed: &Digest, bits: u32) -> Result<u64>;

    /// The least nonce above one that was refused. That is so rare that the host searches for every backend.
    fn grind_past(&self, seed: &Digest, bits: u32, refused: u64) -> u64 {
        next_nonce(seed, bits, refused)
    }

    /// Builds the tree over `2^log_leaves` fractions, at least two. Leaves of no block are `0/1`.
    ///
    /// # Errors
    /// What the backend reports.
    fn fractions<'a>(
        &'a self,
        tables: [&'a Self::Table; 2],
        blocks: &'a [Block<'a>],
        log_leaves: u32,
        fingerprint: Fingerprint,
    ) -> Result<Box<dyn FractionTree + 'a>>;

    /// Starts a sumcheck of products over `variables` variables; smaller products are padded
    /// with zeros at the end.
    ///
    /// # Errors
    /// What the backend reports.
    fn products<'a>(
        &'a self,
        tables: [&'a Self::Table; 2],
        products: &[Product],
        variables: usize,
    ) -> Result<Box<dyn ProductSumcheck + 'a>>;

    /// Combines all columns of both tables with the given coefficients to a message, which is
    /// to be evaluated at `row`, and encodes it.
    ///
    /// # Errors
    /// What the backend reports.
    fn combine<'a>(
        &'a self,
        tables: [&'a Self::Table; 2],
        coefficients: [&[QM31]; 2],
        row: &[QM31],
        level: Parameters,
    ) -> Result<Box<dyn Folding + 'a>>;
}

fn next_nonce(seed: &Digest, bits: u32, after: u64) -> u64 {
    let mut nonces = after.saturating_add(1)..;
    let nonce = nonces.find(|nonce| grind_ok(seed, bits, *nonce));
    nonce.expect("a nonce exists")
}
