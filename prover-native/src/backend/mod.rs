//! Where the heavy arithmetic runs.
//!
//! The prover asks a [`Backend`] for what grows with the tables: commitments, proofs of work,
//! and the rounds of sumchecks. [`Simd`] is the fast one of this crate, [`Scalar`] the reference; all
//! backends produce the same values, hence the same proof bytes.

use stwo_ml_verifier::Digest;
use stwo_ml_verifier::field::{M31, QM31};
use stwo_ml_verifier::security::Parameters;

mod lanes;
mod scalar;
mod simd;
mod twiddles;

pub use scalar::Scalar;
pub use simd::Simd;
pub(crate) use twiddles::twiddles;

/// A committed table: columns, their codewords and their Merkle tree.
pub trait Committed: Send + Sync {
    /// The Merkle cap of `2^log_cap` nodes.
    fn cap(&self, log_cap: u32) -> Vec<Digest>;
    /// The row of entry `index` of the codewords, one value per column.
    fn row(&self, index: usize) -> Vec<M31>;
    /// The siblings from node `index` at depth `depth` to the cap.
    fn path(&self, depth: u32, index: usize, log_cap: u32) -> Vec<Digest>;
}

/// A summand `sum_x base(x) form(x)` of a batched sumcheck.
#[derive(Clone, Debug)]
pub struct Product {
    /// Cells of a committed tensor or table, `2^k` of them.
    pub base: Vec<M31>,
    /// As many coefficients.
    pub form: Vec<QM31>,
}

/// The state of a sumcheck over the fractions of one layer.
pub trait LayerSumcheck {
    /// `(g(0), g(inf))` of the current round.
    fn round(&mut self) -> [QM31; 2];
    /// Binds the highest variable.
    fn bind(&mut self, r: QM31);
    /// `n(0, x), n(1, x), d(0, x), d(1, x)` when no variable is left.
    fn halves(&self) -> [QM31; 4];
}

/// The state of a sumcheck over [`Product`]s.
pub trait ProductSumcheck {
    /// `(g(0), g(1), g(inf))` of the current round.
    fn round(&mut self) -> [QM31; 3];
    /// Binds the highest variable.
    fn bind(&mut self, r: QM31);
    /// The value of each product's base when no variable is left.
    fn bases(&self) -> Vec<QM31>;
}

/// The layers of a tree of fractions, built from its leaves.
pub trait FractionTree {
    /// The root's two children: `n(0), n(1), d(0), d(1)`.
    fn root(&self) -> [QM31; 4];
    /// Starts the sumcheck of the layer of `2^depth` nodes, with numerator and denominator
    /// batched by `batch`, weighted by `eq(weight, .)`; frees the layer.
    fn layer(&mut self, depth: usize, batch: QM31, weight: &[QM31]) -> Box<dyn LayerSumcheck>;
}

/// An implementation of the heavy operations.
pub trait Backend: Send + Sync {
    /// The backend's name, for reports.
    fn name(&self) -> &'static str;

    /// Commits to `2^log_columns` columns of `2^log_rows` cells, column after column.
    fn commit(&self, cells: &[M31], log_rows: u32, level: Parameters) -> Box<dyn Committed>;

    /// The codeword of a table of extension-field values (a power of two of them).
    fn encode(&self, values: &[QM31], log_blowup: u32) -> Vec<QM31>;

    /// The least nonce in stwo's search order.
    fn grind(&self, seed: &Digest, bits: u32) -> u64;

    /// Builds a tree of fractions; the numbers of leaves are powers of two, at least 2.
    fn fractions(&self, numerators: Vec<QM31>, denominators: Vec<QM31>) -> Box<dyn FractionTree>;

    /// Starts a sumcheck of products over `variables` variables; smaller products are padded
    /// with zeros at the end.
    fn products(&self, products: Vec<Product>, variables: usize) -> Box<dyn ProductSumcheck>;
}
