//! Sumchecks of products on the device, and the forms they sum over.

use std::sync::Arc;

use stwo_ml_cuda::column::SecureColumn;
use stwo_ml_cuda::multilinear::{self, Contraction, Part, Replacement, Sums};
use stwo_ml_cuda::{CudaContext, CudaError};
use stwo_ml_verifier::field::QM31;
use stwo_ml_verifier::vk::Bits;

use super::Table;
use crate::backend::lanes::{from_secure, to_secure};
use crate::backend::{Cells, Contracted, Form, Product, ProductSumcheck, Result};

/// Entries of the lower table of a part.
const RUN: usize = 1 << 10;

struct State {
    product: multilinear::Product,
    /// Rounds until the product's own variables are bound.
    waiting: usize,
    /// The product's weight times what the bound variables of the padding contribute.
    weight: QM31,
    /// The sum without the weight, once known.
    value: Option<QM31>,
}

pub(super) struct Products<'a> {
    context: &'a Arc<CudaContext>,
    states: Vec<State>,
}

fn secure(values: &[QM31]) -> Vec<stwo::core::fields::qm31::SecureField> {
    values.iter().map(|v| to_secure(*v)).collect()
}

fn write_out(
    context: &Arc<CudaContext>,
    tables: [&Table; 2],
    base: Cells,
    form: &Form,
) -> std::result::Result<SecureColumn, CudaError> {
    // What the host computes of a form is small beside it: factors per digit.
    context.counters().host("axes of a form");
    match form {
        Form::Sum(parts) => {
            let part = |part: &crate::backend::Part| {
                let [low, high] = part.halves(RUN);
                Part {
                    offset: part.offset,
                    low: secure(&low),
                    high: secure(&high),
                }
            };
            let parts: Vec<Part> = parts.iter().map(part).collect();
            multilinear::form(context, 1 << base.log_size, &parts)
        }
        Form::Contracted(form) => multilinear::contracted_form(&contraction(tables, form)),
    }
}

fn contraction(tables: [&Table; 2], form: &Contracted) -> Contraction {
    let field = |bits: &Bits| [bits.shift.into(), bits.count.into()];
    let replacement = |step: &crate::backend::Replacement| Replacement {
        shift: step.shift,
        old: step.old,
        new: step.new,
        entries: step
            .entries
            .iter()
            .map(|(o, n, w)| (*o, *n, to_secure(*w)))
            .collect(),
    };
    Contraction {
        left: tables[form.left.table()].cells(form.left),
        replacements: form.replacements.iter().map(replacement).collect(),
        log_size: form.log_size,
        gather: form.gather.iter().map(|(b, to)| (field(b), *to)).collect(),
        spread: form
            .spread
            .iter()
            .map(|(bits, values)| (field(bits), secure(values)))
            .collect(),
        scale: to_secure(form.scale),
    }
}

impl<'a> Products<'a> {
    pub(super) fn new(
        context: &'a Arc<CudaContext>,
        tables: [&Table; 2],
        products: &[Product],
        variables: usize,
    ) -> std::result::Result<Self, CudaError> {
        let state = |product: &Product| {
            let form = write_out(context, tables, product.base, &product.form)?;
            let cells = tables[product.base.table()].cells(product.base);
            Ok(State {
                product: multilinear::Product::new(cells, form),
                waiting: variables - product.base.log_size as usize,
                weight: QM31::ONE,
                value: None,
            })
        };
        Ok(Self {
            context,
            states: products
                .iter()
                .map(state)
                .collect::<std::result::Result<_, CudaError>>()?,
        })
    }

    /// The sums of the products that are asked for and not known yet.
    fn find_values(
        &mut self,
        wanted: impl Fn(&State) -> bool,
    ) -> std::result::Result<(), CudaError> {
        let states = self.states.iter_mut();
        let mut missing: Vec<&mut State> = states
            .filter(|state| state.value.is_none() && wanted(state))
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        let mut sums = Sums::new(self.context, missing.len())?;
        for state in &missing {
            state.product.value(&mut sums)?;
        }
        for (state, value) in missing.iter_mut().zip(sums.download()?) {
            state.value = Some(from_secure(value));
        }
        Ok(())
    }
}

impl ProductSumcheck for Products<'_> {
    fn values(&mut self) -> Result<Vec<QM31>> {
        self.find_values(|_| true)?;
        let values = self.states.iter();
        Ok(values.map(|s| s.value.expect("found above")).collect())
    }

    fn batch(&mut self, batch: QM31) {
        let mut power = QM31::ONE;
        for state in &mut self.states {
            state.weight = power;
            power *= batch;
        }
    }

    fn round(&mut self) -> Result<[QM31; 3]> {
        self.find_values(|state| state.waiting > 0)?;
        let active = || self.states.iter().filter(|state| state.waiting == 0);
        let mut sums = Sums::new(self.context, 3 * active().count())?;
        for state in active() {
            state.product.round(&mut sums)?;
        }
        let sums = sums.download()?;
        let mut total = [QM31::ZERO; 3];
        for (state, own) in active().zip(sums.as_chunks::<3>().0) {
            let own = own.map(from_secure);
            total = std::array::from_fn(|k| total[k] + state.weight * own[k]);
        }
        for state in self.states.iter().filter(|state| state.waiting > 0) {
            // The padding's factor 1 - X.
            total[0] += state.weight * state.value.expect("found above");
        }
        Ok(total)
    }

    fn bind(&mut self, r: QM31) -> Result<()> {
        for state in &mut self.states {
            if state.waiting == 0 {
                state.product.bind(to_secure(r))?;
            } else {
                state.waiting -= 1;
                state.weight *= QM31::ONE - r;
            }
        }
        Ok(())
    }

    fn ends(&mut self) -> Result<Vec<[QM31; 2]>> {
        let mut sums = Sums::new(self.context, 2 * self.states.len())?;
        for state in &self.states {
            state.product.ends(&mut sums)?;
        }
        let ends = sums.download()?;
        let pairs = ends.as_chunks::<2>().0.iter();
        Ok(pairs.map(|pair| pair.map(from_secure)).collect())
    }
}
