//! The reference backend: plain loops over the verifier's own field. It is slow, shares no code
//! with [`Simd`](super::Simd) and is what other backends are compared with; field operations are
//! counted on it.

use rayon::prelude::*;
use stwo_ml_verifier::Digest;
use stwo_ml_verifier::field::{M31, QM31};
use stwo_ml_verifier::hash::grind_ok;
use stwo_ml_verifier::merkle::{leaf_hash, node_hash};
use stwo_ml_verifier::multilinear::lerp;
use stwo_ml_verifier::security::Parameters;

use super::twiddles::twiddles;
use super::{Backend, Committed, FractionTree, LayerSumcheck, Product, ProductSumcheck};
use crate::prove::eq_table;

/// The reference backend.
#[derive(Clone, Copy, Debug, Default)]
pub struct Scalar;

struct Table {
    columns: Vec<Vec<M31>>,
    /// From the leaves to the root.
    tree: Vec<Vec<Digest>>,
}

impl Committed for Table {
    fn cap(&self, log_cap: u32) -> Vec<Digest> {
        self.tree[self.tree.len() - 1 - log_cap as usize].clone()
    }

    fn row(&self, index: usize) -> Vec<M31> {
        self.columns.iter().map(|c| c[index]).collect()
    }

    fn path(&self, depth: u32, index: usize, log_cap: u32) -> Vec<Digest> {
        let root = self.tree.len() - 1;
        let levels = (log_cap + 1..=depth).rev().enumerate();
        levels
            .map(|(up, d)| self.tree[root - d as usize][(index >> up) ^ 1])
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

impl Backend for Scalar {
    fn name(&self) -> &'static str {
        "scalar"
    }

    fn commit(&self, cells: &[M31], log_rows: u32, level: Parameters) -> Box<dyn Committed> {
        let twiddles = twiddles(log_rows + u32::from(level.log_blowup));
        let columns: Vec<Vec<M31>> = cells
            .par_chunks(1 << log_rows)
            .map(|column| encode(column, &twiddles))
            .collect();
        let leaves = (0..columns[0].len())
            .into_par_iter()
            .map(|row| leaf_hash(columns.iter().map(|c| c[row])))
            .collect();
        let mut tree: Vec<Vec<Digest>> = vec![leaves];
        while let Some(last) = tree.last().filter(|l| l.len() > 1) {
            let pairs = last.as_chunks::<2>().0.iter();
            let next = pairs.map(|[l, r]| node_hash(l, r)).collect();
            tree.push(next);
        }
        Box::new(Table { columns, tree })
    }

    fn encode(&self, values: &[QM31], log_blowup: u32) -> Vec<QM31> {
        let twiddles = twiddles(values.len().ilog2() + log_blowup);
        let words: [Vec<M31>; 4] = std::array::from_fn(|k| {
            let coordinates: Vec<M31> = values.iter().map(|v| v.coordinates()[k]).collect();
            encode(&coordinates, &twiddles)
        });
        (0..words[0].len())
            .map(|i| QM31::from_coordinates(std::array::from_fn(|k| words[k][i])))
            .collect()
    }

    fn grind(&self, seed: &Digest, bits: u32) -> u64 {
        // stwo's order: the low word runs over 20 bits, then the high word moves on.
        let nonce = |i: u64| ((i >> 20) << 32) | (i & 0xf_ffff);
        (0..u64::MAX)
            .map(nonce)
            .find(|nonce| grind_ok(seed, bits, *nonce))
            .expect("a nonce exists")
    }

    fn fractions(&self, numerators: Vec<QM31>, denominators: Vec<QM31>) -> Box<dyn FractionTree> {
        let mut layers = vec![[numerators, denominators]];
        while let Some([n, d]) = layers.last().filter(|[n, _]| n.len() > 2) {
            let half = n.len() / 2;
            let next = [
                (0..half)
                    .map(|i| n[i] * d[i + half] + n[i + half] * d[i])
                    .collect(),
                (0..half).map(|i| d[i] * d[i + half]).collect(),
            ];
            layers.push(next);
        }
        Box::new(Tree { layers })
    }

    fn products(&self, products: Vec<Product>, variables: usize) -> Box<dyn ProductSumcheck> {
        let extend = |p: Product| Factors {
            base: p.base.into_iter().map(QM31::from).collect(),
            form: p.form,
            padding: QM31::ONE,
        };
        let states = products.into_iter().map(extend).collect();
        Box::new(Products { states, variables })
    }
}

struct Tree {
    /// Numerators and denominators, from the leaves up; the last has two nodes.
    layers: Vec<[Vec<QM31>; 2]>,
}

impl FractionTree for Tree {
    fn root(&self) -> [QM31; 4] {
        let [n, d] = self.layers.last().expect("a layer");
        [n[0], n[1], d[0], d[1]]
    }

    fn layer(&mut self, depth: usize, batch: QM31, weight: &[QM31]) -> Box<dyn LayerSumcheck> {
        self.layers.retain(|[n, _]| n.len() >= 2 << depth);
        let [mut n0, mut d0] = self.layers.pop().expect("a layer of the depth");
        let (n1, d1) = (n0.split_off(1 << depth), d0.split_off(1 << depth));
        Box::new(Layer {
            values: [n0, n1, d0, d1],
            batch,
            weight: weight.to_vec(),
        })
    }
}

/// `sum_x eq(weight, x) (n0 d1 + n1 d0 + batch d0 d1)(x)`.
struct Layer {
    /// `n0, n1, d0, d1`.
    values: [Vec<QM31>; 4],
    batch: QM31,
    /// The coordinates that are not bound.
    weight: Vec<QM31>,
}

impl LayerSumcheck for Layer {
    fn round(&mut self) -> [QM31; 2] {
        let eq = eq_table(&self.weight[1..]);
        let half = eq.len();
        let gate = |[n0, n1, d0, d1]: [QM31; 4]| n0 * d1 + n1 * d0 + self.batch * d0 * d1;
        let mut sums = [QM31::ZERO; 2];
        for (i, e) in eq.into_iter().enumerate() {
            let low = self.values.each_ref().map(|v| v[i]);
            let slope = self.values.each_ref().map(|v| v[i + half] - v[i]);
            sums[0] += e * gate(low);
            sums[1] += e * gate(slope);
        }
        sums
    }

    fn bind(&mut self, r: QM31) {
        self.values.iter_mut().for_each(|v| bind(v, r));
        self.weight.remove(0);
    }

    fn halves(&self) -> [QM31; 4] {
        self.values.each_ref().map(|v| v[0])
    }
}

/// Binds the highest variable.
fn bind(values: &mut Vec<QM31>, r: QM31) {
    let high = values.split_off(values.len() / 2);
    let pairs = values.iter_mut().zip(high);
    pairs.for_each(|(low, high)| *low = lerp(*low, high, r));
}

/// A product of two multilinear polynomials.
struct Factors {
    base: Vec<QM31>,
    form: Vec<QM31>,
    /// What the bound variables of the padding contribute.
    padding: QM31,
}

impl Factors {
    fn round(&self) -> [QM31; 3] {
        let half = self.base.len() / 2;
        let mut sums = [QM31::ZERO; 3];
        for i in 0..half {
            let [(b0, f0), (b1, f1)] = [i, i + half].map(|i| (self.base[i], self.form[i]));
            let terms = [b0 * f0, b1 * f1, (b1 - b0) * (f1 - f0)];
            sums.iter_mut().zip(terms).for_each(|(s, t)| *s += t);
        }
        sums
    }
}

struct Products {
    states: Vec<Factors>,
    /// Variables that are not bound.
    variables: usize,
}

impl ProductSumcheck for Products {
    fn round(&mut self) -> [QM31; 3] {
        let mut sums = [QM31::ZERO; 3];
        for state in &self.states {
            let terms = if state.base.len() == 1 << self.variables {
                state.round()
            } else {
                // The padding's factor 1 - X.
                let pairs = state.base.iter().zip(&state.form);
                [pairs.map(|(b, f)| *b * *f).sum(), QM31::ZERO, QM31::ZERO]
            };
            let pairs = sums.iter_mut().zip(terms);
            pairs.for_each(|(s, t)| *s += state.padding * t);
        }
        sums
    }

    fn bind(&mut self, r: QM31) {
        for state in &mut self.states {
            if state.base.len() == 1 << self.variables {
                bind(&mut state.base, r);
                bind(&mut state.form, r);
            } else {
                state.padding *= QM31::ONE - r;
            }
        }
        self.variables -= 1;
    }

    fn bases(&self) -> Vec<QM31> {
        self.states.iter().map(|s| s.base[0]).collect()
    }
}
