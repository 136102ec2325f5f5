//! The reference backend: plain loops over the verifier's own field. It is slow, shares no code
//! with [`Simd`](super::Simd) and is what other backends are compared with; field operations are
//! counted on it.

use rayon::prelude::*;
use stwo_ml_verifier::Digest;
use stwo_ml_verifier::field::{M31, QM31};
use stwo_ml_verifier::hash::grind_ok;
use stwo_ml_verifier::lookup::Fingerprint;
use stwo_ml_verifier::merkle::{leaf_hash, node_hash};
use stwo_ml_verifier::multilinear::lerp;
use stwo_ml_verifier::proof::Rows;
use stwo_ml_verifier::security::Parameters;
use stwo_ml_verifier::shape::Word;

use super::twiddles::twiddles;
use super::{
    Backend, Block, Cells, Committed, Folding, FractionTree, Product, ProductSumcheck, Result,
};

mod folding;
mod forms;
mod fractions;
mod products;

/// The reference backend.
#[derive(Clone, Copy, Debug, Default)]
pub struct Scalar;

/// A committed table.
#[derive(Clone, Debug)]
pub struct Table {
    cells: Vec<M31>,
    log_rows: u32,
    /// The codewords.
    columns: Vec<Vec<M31>>,
    tree: Tree,
}

impl Table {
    fn cells(&self, cells: Cells) -> &[M31] {
        &self.cells[cells.range()]
    }
}

impl Committed for Table {
    fn cap(&self, log_cap: u32) -> Result<Vec<Digest>> {
        Ok(self.tree.cap(log_cap))
    }

    fn open(&self, word: Word, cosets: &[usize]) -> Result<Vec<Rows>> {
        let length = word.coset_length();
        let row = |index: usize| self.columns.iter().map(|c| c[index]).collect();
        let open = |coset: &usize| Rows {
            rows: (coset * length..(coset + 1) * length).map(row).collect(),
            path: self.tree.path(word, *coset),
        };
        Ok(cosets.iter().map(open).collect())
    }
}

/// A Merkle tree, from the leaves to the root.
#[derive(Clone, Debug)]
struct Tree(Vec<Vec<Digest>>);

impl Tree {
    fn new(leaves: Vec<Digest>) -> Self {
        let mut layers = vec![leaves];
        while let Some(last) = layers.last().filter(|l| l.len() > 1) {
            let pairs = last.as_chunks::<2>().0.iter();
            let next = pairs.map(|[l, r]| node_hash(l, r)).collect();
            layers.push(next);
        }
        Self(layers)
    }

    fn cap(&self, log_cap: u32) -> Vec<Digest> {
        self.0[self.0.len() - 1 - log_cap as usize].clone()
    }

    /// The siblings from a coset of a word to the cap.
    fn path(&self, word: Word, coset: usize) -> Vec<Digest> {
        let root = self.0.len() - 1;
        let depths = (word.log_cap + 1..=word.log_cosets()).rev().enumerate();
        depths
            .map(|(up, depth)| self.0[root - usize::from(depth)][(coset >> up) ^ 1])
            .collect()
    }
}

/// The codeword of a message: its bits reversed, the message is the word's coefficients.
fn encode(message: &[M31], twiddles: &[Vec<M31>]) -> Vec<M31> {
    let log_rows = message.len().ilog2();
    let mut word = vec![M31::ZERO; 1 << twiddles.len()];
    for (i, v) in message.iter().enumerate() {
        word[i.reverse_bits().unbounded_shr(usize::BITS - log_rows)] = *v;
    }
    for (k, layer) in twiddles.iter().enumerate().rev() {
        for (block, twiddle) in word.chunks_mut(2 << k).zip(layer) {
            let (low, high) = block.split_at_mut(1 << k);
            for (a, b) in low.iter_mut().zip(high) {
                let odd = *twiddle * *b;
                (*a, *b) = (*a + odd, *a - odd);
            }
        }
    }
    word
}

/// Binds the highest variable.
fn bind(values: &mut Vec<QM31>, r: QM31) {
    let high = values.split_off(values.len() / 2);
    let pairs = values.iter_mut().zip(high);
    pairs.for_each(|(low, high)| *low = lerp(*low, high, r));
}

impl Backend for Scalar {
    type Table = Table;

    fn name(&self) -> &'static str {
        "scalar"
    }

    fn commit(&self, cells: Vec<M31>, log_rows: u32, level: Parameters) -> Result<Table> {
        let twiddles = twiddles(log_rows + u32::from(level.log_blowup));
        let columns: Vec<Vec<M31>> = cells
            .par_chunks(1 << log_rows)
            .map(|column| encode(column, &twiddles))
            .collect();
        let leaves = (0..columns[0].len())
            .into_par_iter()
            .map(|row| leaf_hash(columns.iter().map(|c| c[row])))
            .collect();
        Ok(Table {
            cells,
            log_rows,
            columns,
            tree: Tree::new(leaves),
        })
    }

    fn grind(&self, seed: &Digest, bits: u32) -> Result<u64> {
        // stwo's order: the low word runs over 20 bits, then the high word moves on.
        let nonce = |i: u64| ((i >> 20) << 32) | (i & 0xf_ffff);
        let found = (0..u64::MAX)
            .map(nonce)
            .find(|nonce| grind_ok(seed, bits, *nonce));
        Ok(found.expect("a nonce exists"))
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
