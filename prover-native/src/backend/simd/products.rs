//! Sumchecks of products.

use rayon::prelude::*;
use stwo::prover::backend::simd::m31::{N_LANES, PackedM31};
use stwo::prover::backend::simd::qm31::PackedQM31;
use stwo_ml_verifier::field::{M31, QM31};

use super::Table;
use super::forms::write_out;
use crate::backend::lanes::{Lanes, PARALLEL, Values, pack_base, sum, unpack};
use crate::backend::{Product, ProductSumcheck, Result};

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
    /// The product's weight times what the bound variables of the padding contribute.
    weight: QM31,
    /// The sum without the weight, once known; while waiting.
    sum: Option<QM31>,
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
    fn new(tables: [&Table; 2], product: &Product, variables: usize) -> Self {
        Self {
            base: Base::new(tables[product.base.table()].cells(product.base)),
            form: write_out(tables, product.base, &product.form),
            waiting: variables - product.base.log_size as usize,
            weight: QM31::ONE,
            sum: None,
        }
    }

    /// The sum; before a variable of the product is bound.
    fn value(&mut self) -> QM31 {
        if self.sum.is_none() {
            self.sum = Some(match (&self.base, &self.form) {
                (Base::Bound(Values::Scalar(b)), Values::Scalar(f)) if b.len() == 1 => b[0] * f[0],
                _ => {
                    let [g0, g1, _] = self.own_round();
                    g0 + g1
                }
            });
        }
        self.sum.expect("set above")
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

pub(super) struct Products {
    states: Vec<ProductState>,
}

impl Products {
    pub(super) fn new(tables: [&Table; 2], products: &[Product], variables: usize) -> Self {
        let products = products.par_iter();
        let states = products.map(|p| ProductState::new(tables, p, variables));
        Self {
            states: states.collect(),
        }
    }
}

impl ProductSumcheck for Products {
    fn values(&mut self) -> Result<Vec<QM31>> {
        Ok(self.states.iter_mut().map(ProductState::value).collect())
    }

    fn batch(&mut self, batch: QM31) {
        let mut power = QM31::ONE;
        for state in &mut self.states {
            state.weight = power;
            power *= batch;
        }
    }

    fn round(&mut self) -> Result<[QM31; 3]> {
        let rounds = self.states.iter_mut().map(|s| match s.waiting {
            0 => s.own_round().map(|g| s.weight * g),
            // The padding's factor 1 - X.
            _ => [s.weight * s.value(), QM31::ZERO, QM31::ZERO],
        });
        Ok(rounds.fold([QM31::ZERO; 3], |a, b| std::array::from_fn(|k| a[k] + b[k])))
    }

    fn bind(&mut self, r: QM31) -> Result<()> {
        for state in &mut self.states {
            if state.waiting == 0 {
                state.base.bind(r);
                state.form.bind(r);
                continue;
            }
            state.waiting -= 1;
            state.weight *= QM31::ONE - r;
        }
        Ok(())
    }

    fn ends(&mut self) -> Result<Vec<[QM31; 2]>> {
        let ends = self.states.iter().map(|s| match &s.base {
            Base::Bound(values) => [values.single(), s.form.single()],
            Base::Packed(_) => unreachable!("a variable is left"),
        });
        Ok(ends.collect())
    }
}
