//! The CPU backend: stwo's SIMD circle FFT, Merkle trees and grinding, and packed sumchecks.

use rayon::prelude::*;
use stwo::core::channel::Blake2sChannel;
use stwo::core::fields::m31::BaseField;
use stwo::core::poly::circle::CanonicCoset;
use stwo::core::proof_of_work::GrindOps;
use stwo::core::vcs::blake2_hash::Blake2sHash;
use stwo::core::vcs_lifted::blake2_merkle::Blake2sMerkleHasher;
use stwo::prover::backend::simd::SimdBackend;
use stwo::prover::backend::simd::column::BaseColumn;
use stwo::prover::backend::simd::m31::{N_LANES, PackedM31};
use stwo::prover::backend::simd::qm31::PackedQM31;
use stwo::prover::backend::{Column, ColumnOps};
use stwo::prover::poly::circle::{CircleCoefficients, PolyOps};
use stwo::prover::poly::twiddles::TwiddleTree;
use stwo::prover::vcs_lifted::prover::MerkleProverLifted;
use stwo_ml_verifier::Digest;
use stwo_ml_verifier::field::{M31, QM31};
use stwo_ml_verifier::security::Parameters;

use super::lanes::{Lanes, PARALLEL, Values, from_base, pack_base, sum, to_base, unpack};
use super::{Backend, Committed, FractionTree, LayerSumcheck, Product, ProductSumcheck};

/// Largest column that is committed in one FFT, base-two logarithm: above it, stwo's SIMD
/// backend stores coefficients in another order.
pub(crate) const MAX_LOG_ROWS: u32 = 16;

/// The CPU backend.
#[derive(Clone, Copy, Debug, Default)]
pub struct Simd;

struct Table {
    words: Vec<BaseColumn>,
    tree: MerkleProverLifted<SimdBackend, Blake2sMerkleHasher>,
}

impl Committed for Table {
    fn cap(&self, log_cap: u32) -> Vec<Digest> {
        self.tree.layers[log_cap as usize]
            .iter()
            .map(|h| Digest(h.0))
            .collect()
    }

    fn row(&self, index: usize) -> Vec<M31> {
        self.words.iter().map(|w| from_base(w.at(index))).collect()
    }

    fn path(&self, depth: u32, index: usize, log_cap: u32) -> Vec<Digest> {
        let levels = (log_cap + 1..=depth).rev().enumerate();
        levels
            .map(|(up, d)| Digest(self.tree.layers[d as usize][(index >> up) ^ 1].0))
            .collect()
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
    fn name(&self) -> &'static str {
        "simd"
    }

    fn commit(&self, cells: &[M31], log_rows: u32, level: Parameters) -> Box<dyn Committed> {
        let columns = cells
            .par_chunks(1 << log_rows)
            .map(|c| c.iter().map(|v| to_base(*v)).collect());
        let log_blowup = level.log_blowup.into();
        let words = encode_columns(columns.collect(), log_rows, log_blowup);
        let tree = MerkleProverLifted::commit(words.iter().collect(), log_rows + log_blowup, 0);
        Box::new(Table { words, tree })
    }

    fn encode(&self, values: &[QM31], log_blowup: u32) -> Vec<QM31> {
        let log_rows = values.len().ilog2();
        let columns = (0..4).map(|k| values.iter().map(|v| to_base(v.coordinates()[k])).collect());
        let words = encode_columns(columns.collect(), log_rows, log_blowup);
        let words: Vec<_> = words.iter().map(BaseColumn::as_slice).collect();
        (0..words[0].len())
            .map(|i| QM31::from_coordinates(std::array::from_fn(|k| from_base(words[k][i]))))
            .collect()
    }

    fn grind(&self, seed: &Digest, bits: u32) -> u64 {
        let mut channel = Blake2sChannel::default();
        channel.update_digest(Blake2sHash(seed.0));
        SimdBackend::grind(&channel, bits)
    }

    fn fractions(&self, numerators: Vec<QM31>, denominators: Vec<QM31>) -> Box<dyn FractionTree> {
        let mut layers = vec![[Values::new(&numerators), Values::new(&denominators)]];
        drop((numerators, denominators));
        let mut count = layers[0][0].len();
        while count > 2 {
            let next = next_layer(layers.last().expect("a layer"));
            layers.push(next);
            count /= 2;
        }
        Box::new(Tree { layers })
    }

    fn products(&self, products: Vec<Product>, variables: usize) -> Box<dyn ProductSumcheck> {
        let states = products
            .into_par_iter()
            .map(|product| {
                let own = product.base.len().ilog2() as usize;
                let mut state = ProductState {
                    base: Base::new(&product.base),
                    form: Values::new(&product.form),
                    waiting: variables - own,
                    padding: QM31::ONE,
                    sum: QM31::ZERO,
                };
                if state.waiting > 0 {
                    state.sum = state.total();
                }
                state
            })
            .collect();
        Box::new(Products { states })
    }
}

struct Tree {
    /// From the leaves up; the last has two nodes.
    layers: Vec<[Values; 2]>,
}

impl Values {
    fn len(&self) -> usize {
        match self {
            Self::Packed(v) => v.len() * N_LANES,
            Self::Scalar(v) => v.len(),
        }
    }

    fn scalars(&self) -> Vec<QM31> {
        match self {
            Self::Packed(v) => unpack(v),
            Self::Scalar(v) => v.clone(),
        }
    }

    fn halves(self) -> [Self; 2] {
        match self {
            Self::Packed(mut v) if v.len() >= 4 => {
                let high = v.split_off(v.len() / 2);
                [Self::Packed(v), Self::Packed(high)]
            }
            other => {
                let mut v = other.scalars();
                let high = v.split_off(v.len() / 2);
                [Self::Scalar(v), Self::Scalar(high)]
            }
        }
    }
}

/// Adds the fractions of the two halves.
fn next_layer([n, d]: &[Values; 2]) -> [Values; 2] {
    fn add<F: Lanes>(n: &[F], d: &[F]) -> (Vec<F>, Vec<F>) {
        let half = n.len() / 2;
        let at = |i: usize| (n[i] * d[i + half] + n[i + half] * d[i], d[i] * d[i + half]);
        if half >= PARALLEL {
            (0..half).into_par_iter().map(at).unzip()
        } else {
            (0..half).map(at).unzip()
        }
    }
    match (n, d) {
        (Values::Packed(n), Values::Packed(d)) if n.len() >= 4 => {
            let (n, d) = add(n, d);
            [Values::Packed(n), Values::Packed(d)]
        }
        _ => {
            let (n, d) = add(&n.scalars(), &d.scalars());
            [Values::Scalar(n), Values::Scalar(d)]
        }
    }
}

impl FractionTree for Tree {
    fn root(&self) -> [QM31; 4] {
        let [n, d] = self.layers.last().expect("a layer");
        let (n, d) = (n.scalars(), d.scalars());
        [n[0], n[1], d[0], d[1]]
    }

    fn layer(&mut self, depth: usize, batch: QM31, weight: &[QM31]) -> Box<dyn LayerSumcheck> {
        while self
            .layers
            .last()
            .is_some_and(|[n, _]| n.len() < 2 << depth)
        {
            self.layers.pop();
        }
        let [n, d] = self.layers.pop().expect("a layer of the depth");
        let ([mut n0, n1], [d0, d1]) = (n.halves(), d.halves());
        // n0 d1 + n1 d0 + batch d0 d1 = (n0 + batch d0) d1 + n1 d0.
        match (&mut n0, &d0) {
            (Values::Packed(n), Values::Packed(d)) => add_scaled(n, d, PackedQM31::splat(batch)),
            (Values::Scalar(n), Values::Scalar(d)) => add_scaled(n, d, batch),
            _ => unreachable!("numerators and denominators have one length"),
        }
        let mut suffixes = vec![Values::Scalar(vec![QM31::ONE])];
        let mut table = vec![QM31::ONE];
        for w in weight.iter().skip(1).rev() {
            let high: Vec<QM31> = table.iter().map(|e| *e * *w).collect();
            table.iter_mut().zip(&high).for_each(|(e, h)| *e -= *h);
            table.extend(high);
            suffixes.push(Values::new(&table));
        }
        Box::new(LayerState {
            values: [n0, n1, d0, d1],
            batch,
            suffixes,
        })
    }
}

fn add_scaled<F: Lanes>(target: &mut [F], other: &[F], factor: F) {
    target
        .par_iter_mut()
        .zip(other.par_iter())
        .for_each(|(t, o)| *t = *t + factor * *o);
}

/// `sum_x eq(w, x) (m0 d1 + n1 d0)(x)` with `m0 = n0 + batch d0`.
struct LayerState {
    /// `m0, n1, d0, d1`.
    values: [Values; 4],
    batch: QM31,
    /// Tables of `eq` over the coordinates after the current one; the last is current.
    suffixes: Vec<Values>,
}

fn layer_round<F: Lanes>([m0, n1, d0, d1]: [&[F]; 4], eq: &[F]) -> [QM31; 2] {
    let half = eq.len();
    sum(half, |i| {
        let (a, b, c, d) = (m0[i], n1[i], d0[i], d1[i]);
        let (x, y, z, w) = (
            m0[i + half] - a,
            n1[i + half] - b,
            d0[i + half] - c,
            d1[i + half] - d,
        );
        [eq[i] * (a * d + b * c), eq[i] * (x * w + y * z)]
    })
}

impl LayerSumcheck for LayerState {
    fn round(&mut self) -> [QM31; 2] {
        let eq = self.suffixes.pop().expect("a variable is left");
        match (&self.values, &eq) {
            (
                [
                    Values::Packed(a),
                    Values::Packed(b),
                    Values::Packed(c),
                    Values::Packed(d),
                ],
                Values::Packed(eq),
            ) => layer_round([a, b, c, d], eq),
            (values, eq) => {
                let [a, b, c, d] = values.each_ref().map(Values::scalars);
                layer_round([&a, &b, &c, &d], &eq.scalars())
            }
        }
    }

    fn bind(&mut self, r: QM31) {
        self.values.iter_mut().for_each(|v| v.bind(r));
    }

    fn halves(&self) -> [QM31; 4] {
        let [m0, n1, d0, d1] = self.values.each_ref().map(Values::single);
        [m0 - self.batch * d0, n1, d0, d1]
    }
}

/// The base of a product: of the base field until a variable is bound.
enum Base {
    Packed(Vec<PackedM31>),
    Bound(Values),
}

impl Base {
    fn new(values: &[M31]) -> Self {
        if values.len() >= 2 * N_LANES {
            Self::Packed(pack_base(values))
        } else {
            let values: Vec<QM31> = values.iter().map(|v| QM31::from(*v)).collect();
            Self::Bound(Values::new(&values))
        }
    }

    fn bind(&mut self, r: QM31) {
        match self {
            Self::Bound(values) => values.bind(r),
            Self::Packed(v) => {
                let half = v.len() / 2;
                let r = PackedQM31::splat(r);
                let at = |i: usize| r * (v[i + half] - v[i]) + v[i];
                let bound: Vec<PackedQM31> = if half >= PARALLEL {
                    (0..half).into_par_iter().map(at).collect()
                } else {
                    (0..half).map(at).collect()
                };
                *self = Self::Bound(match bound.len() {
                    1 => Values::Scalar(unpack(&bound)),
                    _ => Values::Packed(bound),
                });
            }
        }
    }
}

struct ProductState {
    base: Base,
    form: Values,
    /// Rounds until the product's own variables are bound.
    waiting: usize,
    /// What the bound variables of the padding contribute.
    padding: QM31,
    /// The sum without the padding, while waiting.
    sum: QM31,
}

fn product_round<A, F>(base: &[A], form: &[F]) -> [QM31; 3]
where
    A: Copy + Sync + std::ops::Sub<Output = A>,
    F: Lanes + Mul<A>,
{
    let half = base.len() / 2;
    sum(half, |i| {
        let (f0, f1) = (form[i], form[i + half]);
        let (b0, b1) = (base[i], base[i + half]);
        [f0.times(b0), f1.times(b1), (f1 - f0).times(b1 - b0)]
    })
}

/// Multiplication by a value of the base's type.
trait Mul<A>: Sized {
    fn times(self, other: A) -> Self;
}

impl Mul<PackedM31> for PackedQM31 {
    fn times(self, other: PackedM31) -> Self {
        self * other
    }
}

impl<F: Lanes> Mul<F> for F {
    fn times(self, other: F) -> Self {
        self * other
    }
}

impl ProductState {
    fn total(&self) -> QM31 {
        let [g0, g1, _] = self.own_round_or_single();
        g0 + g1
    }

    fn own_round_or_single(&self) -> [QM31; 3] {
        match (&self.base, &self.form) {
            (Base::Bound(Values::Scalar(b)), Values::Scalar(f)) if b.len() == 1 => {
                [b[0] * f[0], QM31::ZERO, QM31::ZERO]
            }
            _ => self.own_round(),
        }
    }

    fn own_round(&self) -> [QM31; 3] {
        match (&self.base, &self.form) {
            (Base::Packed(b), Values::Packed(f)) => product_round(b, f),
            (Base::Bound(Values::Packed(b)), Values::Packed(f)) => product_round(b, f),
            (Base::Bound(Values::Scalar(b)), Values::Scalar(f)) => product_round(b, f),
            _ => unreachable!("base and form have one length"),
        }
    }
}

struct Products {
    states: Vec<ProductState>,
}

impl ProductSumcheck for Products {
    fn round(&mut self) -> [QM31; 3] {
        let rounds = self.states.iter().map(|s| match s.waiting {
            0 => s.own_round().map(|g| s.padding * g),
            // The padding's factor 1 - X.
            _ => [s.padding * s.sum, QM31::ZERO, QM31::ZERO],
        });
        rounds.fold([QM31::ZERO; 3], |a, b| std::array::from_fn(|k| a[k] + b[k]))
    }

    fn bind(&mut self, r: QM31) {
        for state in &mut self.states {
            if state.waiting == 0 {
                state.base.bind(r);
                state.form.bind(r);
                continue;
            }
            state.waiting -= 1;
            state.padding *= QM31::ONE - r;
        }
    }

    fn bases(&self) -> Vec<QM31> {
        let single = |s: &ProductState| match &s.base {
            Base::Bound(values) => values.single(),
            Base::Packed(_) => unreachable!("a variable is left"),
        };
        self.states.iter().map(single).collect()
    }
}
