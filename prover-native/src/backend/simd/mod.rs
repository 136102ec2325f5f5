//! The CPU backend: stwo's SIMD circle FFT and Merkle trees, packed sumchecks and grinding.

use rayon::prelude::*;
use stwo::core::fields::m31::BaseField;
use stwo::core::poly::circle::CanonicCoset;
use stwo::core::vcs_lifted::blake2_merkle::Blake2sMerkleHasher;
use stwo::prover::backend::simd::SimdBackend;
use stwo::prover::backend::simd::column::BaseColumn;
use stwo::prover::backend::{Column as _, ColumnOps};
use stwo::prover::poly::circle::{CircleCoefficients, PolyOps};
use stwo::prover::poly::twiddles::TwiddleTree;
use stwo::prover::vcs_lifted::prover::MerkleProverLifted;
use stwo_ml_verifier::Digest;
use stwo_ml_verifier::field::{M31, QM31};
use stwo_ml_verifier::lookup::Fingerprint;
use stwo_ml_verifier::proof::Rows;
use stwo_ml_verifier::security::Parameters;
use stwo_ml_verifier::shape::Word;

use super::lanes::{from_base, to_base};
use super::{
    Backend, Block, Cells, Committed, Folding, FractionTree, Product, ProductSumcheck, Result,
};

mod folding;
mod forms;
mod fractions;
mod grind;
mod products;

/// Largest column that is committed in one FFT, base-two logarithm: above it, stwo's SIMD
/// backend stores coefficients in another order.
pub(crate) const MAX_LOG_ROWS: u32 = 16;

/// The CPU backend.
#[derive(Clone, Copy, Debug, Default)]
pub struct Simd;

/// A committed table.
#[derive(Debug)]
pub struct Table {
    cells: Vec<M31>,
    log_rows: u32,
    words: Vec<BaseColumn>,
    tree: MerkleProverLifted<SimdBackend, Blake2sMerkleHasher>,
}

impl Table {
    fn cells(&self, cells: Cells) -> &[M31] {
        &self.cells[cells.range()]
    }
}

impl Committed for Table {
    fn cap(&self, log_cap: u32) -> Result<Vec<Digest>> {
        let layer = self.tree.layers[log_cap as usize].iter();
        Ok(layer.map(|h| Digest(h.0)).collect())
    }

    fn open(&self, word: Word, cosets: &[usize]) -> Result<Vec<Rows>> {
        let length = word.coset_length();
        let row = |index| self.words.iter().map(|w| from_base(w.at(index))).collect();
        let sibling = |coset: usize, depth: u8| {
            let up = word.log_cosets() - depth;
            Digest(self.tree.layers[usize::from(depth)][(coset >> up) ^ 1].0)
        };
        let open = |coset: &usize| Rows {
            rows: (coset * length..(coset + 1) * length).map(row).collect(),
            path: (word.log_cap + 1..=word.log_cosets())
                .rev()
                .map(|depth| sibling(*coset, depth))
                .collect(),
        };
        Ok(cosets.iter().map(open).collect())
    }
}

/// The codewords of columns of `2^log_rows` coefficients each. The bits of the row are reversed,
/// so that folding, which binds the lowest bit of a coefficient's index, binds the highest of
/// the row.
fn encode_columns(columns: Vec<BaseColumn>, log_rows: u32, log_blowup: u32) -> Vec<BaseColumn> {
    assert!(log_rows <= MAX_LOG_ROWS, "a column has at most 2^16 cells");
    let coset = CanonicCoset::new(log_rows + log_blowup);
    let twiddles: TwiddleTree<SimdBackend> = SimdBackend::precompute_twiddles(coset.half_coset());
    columns
        .into_par_iter()
        .map(|mut column| {
            <SimdBackend as ColumnOps<BaseField>>::bit_reverse_column(&mut column);
            let polynomial = CircleCoefficients::<SimdBackend>::new(column);
            polynomial
                .evaluate_with_twiddles(coset.circle_domain(), &twiddles)
                .values
        })
        .collect()
}

impl Backend for Simd {
    type Table = Table;

    fn name(&self) -> &'static str {
        "simd"
    }

    fn commit(&self, cells: Vec<M31>, log_rows: u32, level: Parameters) -> Result<Table> {
        let columns = cells
            .par_chunks(1 << log_rows)
            .map(|c| c.iter().map(|v| to_base(*v)).collect());
        let log_blowup = level.log_blowup.into();
        let words = encode_columns(columns.collect(), log_rows, log_blowup);
        let tree = MerkleProverLifted::commit(words.iter().collect(), log_rows + log_blowup, 0);
        Ok(Table {
            cells,
            log_rows,
            words,
            tree,
        })
    }

    fn grind(&self, seed: &Digest, bits: u32) -> Result<u64> {
        Ok(grind::grind(seed, bits))
    }

    fn fractions<'a>(
        &'a self,
        tables: [&'a Table; 2],
        blocks: &'a [Block<'a>],
        log_leaves: u32,
        fingerprint: Fingerprint,
    ) -> Result<Box<dyn FractionTree + 'a>> {
        let fractions = fractions::Fractions::new(tables, blocks, log_leaves, fingerprint);
        Ok(Box::new(fractions))
    }

    fn products<'a>(
        &'a self,
        tables: [&'a Table; 2],
        products: &[Product],
        variables: usize,
    ) -> Result<Box<dyn ProductSumcheck + 'a>> {
        Ok(Box::new(products::Products::new(
            tables, products, variables,
        )))
    }

    fn combine<'a>(
        &'a self,
        tables: [&'a Table; 2],
        coefficients: [&[QM31]; 2],
        row: &[QM31],
        level: Parameters,
    ) -> Result<Box<dyn Folding + 'a>> {
        let folded = folding::Folded::new(tables, coefficients, row, level);
        Ok(Box::new(folded))
    }
}
