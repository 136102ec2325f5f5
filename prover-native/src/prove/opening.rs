//! The prover's side of the opening.

use rayon::prelude::*;
use stwo_ml_verifier::Digest;
use stwo_ml_verifier::field::{M31, QM31};
use stwo_ml_verifier::merkle::{leaf_hash, node_hash};
use stwo_ml_verifier::multilinear::{high, lerp, low};
use stwo_ml_verifier::proof::{Coset, Opening, Query, Rows};
use stwo_ml_verifier::shape::Word;
use stwo_ml_verifier::transcript::{Label, Transcript};

use super::Prover;
use super::forms::eq_table;
use crate::backend::{Committed, twiddles};

/// The inverse twiddles of every fold from a canonic coset.
#[derive(Debug)]
pub(super) struct Domain {
    /// Entry `k` holds, for every pair of the word after `k` folds, the inverse of the `y`
    /// (`k = 0`) or `x` of its first member.
    inverses: Vec<Vec<M31>>,
}

impl Domain {
    /// The domain of `2^log_size` points.
    pub(super) fn new(log_size: u32) -> Self {
        Self {
            inverses: twiddles(log_size).into_iter().map(batch_inverse).collect(),
        }
    }

    /// Folds a word that has been folded `folds` times.
    fn fold(&self, word: &[QM31], folds: usize, r: QM31) -> Vec<QM31> {
        let half = M31::ONE.half();
        word.as_chunks::<2>()
            .0
            .par_iter()
            .zip(&self.inverses[folds])
            .with_min_len(1024)
            .map(|([f0, f1], inverse)| {
                let even = *f0 + *f1;
                let odd = (*f0 - *f1) * *inverse;
                lerp(even, odd, r) * half
            })
            .collect()
    }
}

fn batch_inverse(values: Vec<M31>) -> Vec<M31> {
    let mut products = Vec::with_capacity(values.len());
    let mut product = M31::ONE;
    for v in &values {
        products.push(product);
        product *= *v;
    }
    let mut inverse = product.inverse().expect("no twiddle is zero");
    let mut inverses = values;
    for (v, before) in inverses.iter_mut().zip(products).rev() {
        let own = inverse * before;
        inverse *= *v;
        *v = own;
    }
    inverses
}

/// One oracle of the opening.
#[derive(Clone, Copy)]
pub(super) struct Opened<'a> {
    pub(super) cells: &'a [M31],
    pub(super) committed: &'a dyn Committed,
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

    fn cap(&self) -> &[Digest] {
        &self.tree[self.word.path_length()]
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

impl Prover<'_> {
    /// Opens both oracles at a point.
    pub(super) fn open(
        &self,
        oracles: [Opened<'_>; 2],
        point: &[QM31],
        transcript: &mut Transcript,
        nonces: &mut Vec<u64>,
    ) -> Opening {
        let shape = &self.shape;
        let level = self.model.vk.level.parameters();
        let row = low(point, shape.log_rows.into());
        let column = high(point, shape.log_rows.into());

        // 1. Join: combine the columns of each oracle, then the oracles.
        self.proximity_grind(transcript, nonces);
        let join = transcript.challenge(Label::JoinChallenge);
        let logs = [shape.log_witness_columns, shape.log_weight_columns];
        let mut message = vec![QM31::ZERO; 1 << shape.log_rows];
        for ((oracle, log_columns), factor) in oracles.iter().zip(logs).zip([QM31::ONE, join]) {
            let eq = eq_table(low(column, log_columns.into()));
            for (cells, e) in oracle.cells.chunks(1 << shape.log_rows).zip(eq) {
                let e = e * factor;
                message
                    .par_iter_mut()
                    .zip(cells)
                    .with_min_len(1024)
                    .for_each(|(m, c)| *m += e * *c);
            }
        }
        let mut word = self.backend.encode(&message, level.log_blowup.into());

        // 2. Fold.
        let mut rounds = Vec::new();
        let mut layers: Vec<Layer> = Vec::new();
        let mut eq = eq_table(row);
        for (i, shape) in shape.words.iter().enumerate() {
            if i > 0 {
                #[cfg(feature = "test-levels")]
                if self.corruption == Some(super::Corruption::FoldedWord) {
                    word.iter_mut().for_each(|v| *v += QM31::ONE);
                }
                let layer = Layer::new(*shape, word.clone());
                transcript.absorb_digests(Label::LayerCap, layer.cap());
                layers.push(layer);
            }
            for _ in 0..shape.log_coset {
                // eq over the coordinates after the current one: the halves of the table, up to
                // the factors 1 - w and w, sum to it.
                let half = message.len() / 2;
                let (low, high) = eq.split_at(half);
                let rest: Vec<QM31> = low.iter().zip(high).map(|(a, b)| *a + *b).collect();
                let value = |values: &[QM31]| -> QM31 {
                    values.iter().zip(&rest).map(|(v, e)| *v * *e).sum()
                };
                let (f0, f1) = (value(&message[..half]), value(&message[half..]));
                transcript.absorb_elements(Label::FoldingRound, &[f0, f1]);
                self.proximity_grind(transcript, nonces);
                let r = transcript.challenge(Label::FoldingRound);
                word = self.domain.fold(&word, rounds.len(), r);
                message = (0..half)
                    .map(|j| lerp(message[j], message[j + half], r))
                    .collect();
                eq = rest;
                rounds.push([f0, f1]);
            }
        }
        #[cfg(feature = "test-levels")]
        if self.corruption == Some(super::Corruption::ClearPolynomial) {
            message[0] += eq[1];
            message[1] -= eq[0];
        }
        debug_assert_eq!(message.len(), 1 << shape.log_clear);
        transcript.absorb_elements(Label::ClearPolynomial, &message);

        // 3. Queries.
        let nonce = self.grind(transcript, Label::QueryNonce, level.query_grind.into());
        let first = shape.words[0];
        let count = level.queries.into();
        let positions = transcript.positions(Label::Queries, count, first.log_cosets().into());
        let queries = positions
            .into_iter()
            .map(|position| {
                let [witness, weights] =
                    oracles.map(|oracle| rows(oracle, first, position as usize));
                let mut index = position as usize;
                let layers = layers.iter().map(|layer| {
                    index >>= layer.word.log_coset;
                    layer.open(index)
                });
                Query {
                    witness,
                    weights,
                    layers: layers.collect(),
                }
            })
            .collect();
        let caps = layers.iter().map(|layer| layer.cap().to_vec()).collect();
        Opening {
            rounds,
            caps,
            clear: message,
            nonce,
            queries,
        }
    }
}

fn rows(oracle: Opened<'_>, word: Word, position: usize) -> Rows {
    let length = word.coset_length();
    let rows = (0..length)
        .map(|i| oracle.committed.row(position * length + i))
        .collect();
    let (depth, log_cap) = (word.log_cosets().into(), word.log_cap.into());
    Rows {
        rows,
        path: oracle.committed.path(depth, position, log_cap),
    }
}
