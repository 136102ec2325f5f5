//! The opening: combining columns, folding words and committing to them.

use stwo_ml_verifier::Digest;
use stwo_ml_verifier::field::{M31, QM31};
use stwo_ml_verifier::merkle::leaf_hash;
use stwo_ml_verifier::multilinear::{evaluate, lerp};
use stwo_ml_verifier::proof::Coset;
use stwo_ml_verifier::security::Parameters;
use stwo_ml_verifier::shape::Word;

use super::{Table, Tree, bind, encode};
use crate::backend::twiddles::twiddles;
use crate::backend::{Folding, Result};

pub(super) struct Folded {
    message: Vec<QM31>,
    /// The coordinates that are not bound.
    row: Vec<QM31>,
    codeword: Vec<QM31>,
    /// Twiddles of the folds to come.
    twiddles: std::vec::IntoIter<Vec<M31>>,
    layers: Vec<Layer>,
}

struct Layer {
    word: Word,
    values: Vec<QM31>,
    tree: Tree,
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
                let cells = message.iter_mut().zip(column);
                cells.for_each(|(m, v)| *m += *c * *v);
            }
        }
        let twiddles = twiddles(log_rows + u32::from(level.log_blowup));
        let words: [Vec<M31>; 4] = std::array::from_fn(|k| {
            let coordinates: Vec<M31> = message.iter().map(|v| v.coordinates()[k]).collect();
            encode(&coordinates, &twiddles)
        });
        let entry = |i| QM31::from_coordinates(std::array::from_fn(|k| words[k][i]));
        Self {
            message,
            row: row.to_vec(),
            codeword: (0..words[0].len()).map(entry).collect(),
            twiddles: twiddles.into_iter(),
            layers: Vec::new(),
        }
    }
}

impl Folding for Folded {
    fn round(&mut self) -> Result<[QM31; 2]> {
        let (low, high) = self.message.split_at(self.message.len() / 2);
        let value = |half: &[QM31]| evaluate(half.iter().copied(), &self.row[1..]);
        Ok([value(low), value(high)])
    }

    fn fold(&mut self, r: QM31) -> Result<()> {
        bind(&mut self.message, r);
        self.row.remove(0);
        let half = M31::ONE.half();
        let twiddles = self.twiddles.next().expect("a fold is left");
        let pairs = self.codeword.as_chunks::<2>().0.iter().zip(twiddles);
        self.codeword = pairs
            .map(|([f0, f1], twiddle)| {
                let inverse = twiddle.inverse().expect("no twiddle is zero");
                lerp(*f0 + *f1, (*f0 - *f1) * inverse, r) * half
            })
            .collect();
        Ok(())
    }

    fn commit(&mut self, word: Word) -> Result<Vec<Digest>> {
        let cosets = self.codeword.chunks(word.coset_length());
        let leaf = |coset: &[QM31]| leaf_hash(coset.iter().flat_map(|v| v.coordinates()));
        let layer = Layer {
            word,
            values: self.codeword.clone(),
            tree: Tree::new(cosets.map(leaf).collect()),
        };
        let cap = layer.tree.cap(word.log_cap.into());
        self.layers.push(layer);
        Ok(cap)
    }

    fn message(&mut self) -> Result<Vec<QM31>> {
        Ok(self.message.clone())
    }

    fn open(&self, layer: usize, cosets: &[usize]) -> Result<Vec<Coset>> {
        let Layer { word, values, tree } = &self.layers[layer];
        let length = word.coset_length();
        let open = |coset: &usize| Coset {
            values: values[coset * length..][..length].to_vec(),
            path: tree.path(*word, *coset),
        };
        Ok(cosets.iter().map(open).collect())
    }

    #[cfg(feature = "test-levels")]
    fn corrupt(&mut self) -> Result<()> {
        self.codeword.iter_mut().for_each(|v| *v += QM31::ONE);
        Ok(())
    }
}
