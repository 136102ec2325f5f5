//! Sumchecks of products.

use stwo_ml_verifier::field::QM31;

use super::forms::write_out;
use super::{Table, bind};
use crate::backend::{Product, ProductSumcheck, Result};

/// A product of two multilinear polynomials.
struct Factors {
    base: Vec<QM31>,
    form: Vec<QM31>,
    /// The product's weight times what the bound variables of the padding contribute.
    weight: QM31,
}

impl Factors {
    fn new(tables: [&Table; 2], product: &Product) -> Self {
        let cells = tables[product.base.table()].cells(product.base).iter();
        Self {
            base: cells.map(|v| QM31::from(*v)).collect(),
            form: write_out(tables, product.base, &product.form),
            weight: QM31::ONE,
        }
    }

    fn value(&self) -> QM31 {
        let pairs = self.base.iter().zip(&self.form);
        pairs.map(|(b, f)| *b * *f).sum()
    }

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

pub(super) struct Products {
    states: Vec<Factors>,
    /// Variables that are not bound.
    variables: usize,
}

impl Products {
    pub(super) fn new(tables: [&Table; 2], products: &[Product], variables: usize) -> Self {
        let states = products.iter().map(|p| Factors::new(tables, p)).collect();
        Self { states, variables }
    }
}

impl ProductSumcheck for Products {
    fn values(&mut self) -> Result<Vec<QM31>> {
        Ok(self.states.iter().map(Factors::value).collect())
    }

    fn batch(&mut self, batch: QM31) {
        let mut power = QM31::ONE;
        for state in &mut self.states {
            state.weight = power;
            power *= batch;
        }
    }

    fn round(&mut self) -> Result<[QM31; 3]> {
        let mut sums = [QM31::ZERO; 3];
        for state in &self.states {
            let terms = if state.base.len() == 1 << self.variables {
                state.round()
            } else {
                // The padding's factor 1 - X.
                [state.value(), QM31::ZERO, QM31::ZERO]
            };
            let pairs = sums.iter_mut().zip(terms);
            pairs.for_each(|(s, t)| *s += state.weight * t);
        }
        Ok(sums)
    }

    fn bind(&mut self, r: QM31) -> Result<()> {
        for state in &mut self.states {
            if state.base.len() == 1 << self.variables {
                bind(&mut state.base, r);
                bind(&mut state.form, r);
            } else {
                state.weight *= QM31::ONE - r;
            }
        }
        self.variables -= 1;
        Ok(())
    }

    fn ends(&mut self) -> Result<Vec<[QM31; 2]>> {
        Ok(self.states.iter().map(|s| [s.base[0], s.form[0]]).collect())
    }
}
