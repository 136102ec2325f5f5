//! The opening: combining columns, folding words and committing to them.

use rayon::prelude::*;
use stwo::prover::backend::simd::column::BaseColumn;
use stwo_ml_verifier::Digest;
use stwo_ml_verifier::field::{M31, QM31};
use stwo_ml_verifier::merkle::{leaf_hash, node_hash};
use stwo_ml_verifier::multilinear::lerp;
use stwo_ml_verifier::proof::Coset;
use stwo_ml_verifier::security::Parameters;
use stwo_ml_verifier::shape::Word;

use super::{Table, encode_columns};
use crate::backend::lanes::{from_base, to_base};
use crate::backend::twiddles::inverse_twiddles;
use crate::backend::{Folding, Result};
use crate::prove::eq_table;

pub(super) struct Folded {
    message: Vec<QM31>,
    /// `eq` of the coordinates that are not bound.
    eq: Vec<QM31>,
    /// `eq` of the coordinates after the current one, once the round has computed it.
    rest: Option<Vec<QM31>>,
    codeword: Vec<QM31>,
    /// Inverse twiddles of the folds to come.
    inverses: std::slice::Iter<'static, Vec<M31>>,
    layers: Vec<Layer>,
}

/// The codeword of a table of extension-field values.
fn encode(values: &[QM31], log_blowup: u32) -> Vec<QM31> {
    let log_rows = values.len().ilog2();
    let coordinate = |k| values.iter().map(move |v| to_base(v.coordinates()[k]));
    let columns = (0..4).map(|k| coordinate(k).collect());
    let words = encode_columns(columns.collect(), log_rows, log_blowup);
    let words: Vec<_> = words.iter().map(BaseColumn::as_slice).collect();
    let entry = |i| QM31::from_coordinates(std::array::from_fn(|k| from_base(words[k][i])));
    (0..words[0].len()).map(entry).collect()
}

impl Folded {
    pub(super) fn new(
        tables: [&Table; 2],
        coefficients: [&[QM31]; 2],
        row: &[QM31],
        level: Parameters,
    ) -> Self {
        let log_rows = tables[0].log_rows;
        let mut message = vec![QM31::ZERO; 1 << log_rows];
        for (table, coefficients) in tables.iter().zip(coefficients) {
            for (column, c) in table.cells.chunks(1 << log_rows).zip(coefficients) {
                message
                    .par_iter_mut()
                    .zip(column)
                    .with_min_len(1024)
                    .for_each(|(m, v)| *m += *c * *v);
            }
        }
        let log_blowup = u32::from(level.log_blowup);
        Self {
            codeword: encode(&message, log_blowup),
            message,
            eq: eq_table(row),
            rest: None,
            inverses: inverse_twiddles(log_rows + log_blowup).iter(),
            layers: Vec::new(),
        }
    }

    /// `eq` over the coordinates after the current one: the halves of the table, up to the
    /// factors `1 - w` and `w`, sum to it.
    fn rest(&mut self) -> Vec<QM31> {
        self.rest.take().unwrap_or_else(|| {
            let (low, high) = self.eq.split_at(self.eq.len() / 2);
            low.iter().zip(high).map(|(a, b)| *a + *b).collect()
        })
    }
}

impl Folding for Folded {
    fn round(&mut self) -> Result<[QM31; 2]> {
        let rest = self.rest();
        let (low, high) = self.message.split_at(rest.len());
        let value = |half: &[QM31]| half.iter().zip(&rest).map(|(v, e)| *v * *e).sum();
        let round = [value(low), value(high)];
        self.rest = Some(rest);
        Ok(round)
    }

    fn fold(&mut self, r: QM31) -> Result<()> {
        self.eq = self.rest();
        let (low, high) = self.message.split_at(self.eq.len());
        let pairs = low.iter().zip(high);
        self.message = pairs.map(|(a, b)| lerp(*a, *b, r)).collect();
        let half = M31::ONE.half();
        let inverses = self.inverses.next().expect("a fold is left");
        self.codeword = self
            .codeword
            .as_chunks::<2>()
            .0
            .par_iter()
            .zip(inverses)
            .with_min_len(1024)
            .map(|([f0, f1], inverse)| {
                let even = *f0 + *f1;
                let odd = (*f0 - *f1) * *inverse;
                lerp(even, odd, r) * half
            })
            .collect();
        Ok(())
    }

    fn commit(&mut self, word: Word) -> Result<Vec<Digest>> {
        self.layers.push(Layer::new(word, self.codeword.clone()));
        let layer = self.layers.last().expect("pushed above");
        Ok(layer.tree[word.path_length()].clone())
    }

    fn message(&mut self) -> Result<Vec<QM31>> {
        Ok(self.message.clone())
    }

    fn open(&self, layer: usize, cosets: &[usize]) -> Result<Vec<Coset>> {
        let layer = &self.layers[layer];
        Ok(cosets.iter().map(|coset| layer.open(*coset)).collect())
    }

    #[cfg(feature = "test-levels")]
    fn corrupt(&mut self) -> Result<()> {
        self.codeword.iter_mut().for_each(|v| *v += QM31::ONE);
        Ok(())
    }
}

/// A committed folded word.
struct Layer {
    word: Word,
    values: Vec<QM31>,
    /// From the leaves to the root.
    tree: Vec<Vec<Digest>>,
}

impl Layer {
    fn new(word: Word, values: Vec<QM31>) -> Self {
        let leaves = values
            .par_chunks(word.coset_length())
            .map(|coset| leaf_hash(coset.iter().flat_map(|v| v.coordinates())))
            .collect();
        let mut tree: Vec<Vec<Digest>> = vec![leaves];
        while let Some(last) = tree.last().filter(|l| l.len() > 1) {
            let pairs = last.as_chunks::<2>().0.par_iter();
            let next = pairs
                .with_min_len(256)
                .map(|[l, r]| node_hash(l, r))
                .collect();
            tree.push(next);
        }
        Self { word, values, tree }
    }

    fn open(&self, coset: usize) -> Coset {
        let length = self.word.coset_length();
        let path = (0..self.word.path_length()).map(|up| self.tree[up][(coset >> up) ^ 1]);
        Coset {
            values: self.values[coset * length..][..length].to_vec(),
            path: path.collect(),
        }
    }
}
