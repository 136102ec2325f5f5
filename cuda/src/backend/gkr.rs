//! stwo's GKR over grand products and LogUp, and the multilinear polynomials under it.
//!
//! stwo pairs neighbours of a layer in a gate and binds the highest bit of the gate's index.

use std::sync::Arc;

use stwo::core::fields::m31::BaseField;
use stwo::core::fields::qm31::SecureField;
use stwo::prover::lookups::gkr_prover::{
    GkrMultivariatePolyOracle, GkrOps, Layer, correct_sum_as_poly_in_first_variable,
};
use stwo::prover::lookups::mle::{Mle, MleOps};
use stwo::prover::lookups::sumcheck::MultivariatePolyOracle;
use stwo::prover::lookups::utils::UnivariatePoly;

use super::CudaBackend;
use crate::column::SecureColumn;
use crate::context::CudaContext;
use crate::error::{CudaError, OrRaise};
use crate::launch::{self, Grid};
use crate::multilinear::{
    Sums, eq_table, fix_first_base, fix_first_secure, planes, planes_mut, qm31,
};

impl MleOps<BaseField> for CudaBackend {
    fn fix_first_variable(
        mle: Mle<Self, BaseField>,
        assignment: SecureField,
    ) -> Mle<Self, SecureField> {
        Mle::new(fix_first_base(mle.words(), assignment).or_raise())
    }
}

impl MleOps<SecureField> for CudaBackend {
    fn fix_first_variable(
        mle: Mle<Self, SecureField>,
        assignment: SecureField,
    ) -> Mle<Self, SecureField> {
        Mle::new(fix_first_secure(&mle, 1, assignment).or_raise())
    }
}

impl GkrOps for CudaBackend {
    fn gen_eq_evals(y: &[SecureField], v: SecureField) -> Mle<Self, SecureField> {
        let table = CudaContext::current().and_then(|context| eq_table(&context, y, v));
        Mle::new(table.or_raise())
    }

    fn next_layer(layer: &Layer<Self>) -> Layer<Self> {
        next_layer(layer).or_raise()
    }

    fn sum_as_poly_in_first_variable(
        h: &GkrMultivariatePolyOracle<'_, Self>,
        claim: SecureField,
    ) -> UnivariatePoly<SecureField> {
        let variables = h.n_variables();
        assert_ne!(variables, 0, "a variable is left");
        let [mut at_0, mut at_2] = round(h, 1 << (variables - 1)).or_raise();
        at_0 *= h.eq_fixed_var_correction;
        at_2 *= h.eq_fixed_var_correction;
        correct_sum_as_poly_in_first_variable(at_0, at_2, claim, h.eq_evals.y(), variables)
    }
}

fn next_layer(layer: &Layer<CudaBackend>) -> Result<Layer<CudaBackend>, CudaError> {
    let context = context(layer);
    let gates = 1usize << (layer.n_variables() - 1);
    let grid = Grid::linear(gates);
    let mut values = SecureColumn::allocate(&context, gates)?;
    let count = gates as u64;
    let denominators = match layer {
        Layer::GrandProduct(column) => {
            let (v, o) = (planes(column), planes_mut(&mut values)?);
            launch::next_layer_product(
                &context, grid, v[0], v[1], v[2], v[3], o[0], o[1], o[2], o[3], count, 2, 1,
            )?;
            return Ok(Layer::GrandProduct(Mle::new(values)));
        }
        Layer::LogUpGeneric { denominators, .. }
        | Layer::LogUpMultiplicities { denominators, .. }
        | Layer::LogUpSingles { denominators } => denominators,
    };
    let mut products = SecureColumn::allocate(&context, gates)?;
    let (d, on, od) = (
        planes(denominators),
        planes_mut(&mut values)?,
        planes_mut(&mut products)?,
    );
    match layer {
        Layer::LogUpGeneric { numerators, .. } => {
            let n = planes(numerators);
            launch::next_layer_generic(
                &context, grid, n[0], n[1], n[2], n[3], d[0], d[1], d[2], d[3], on[0], on[1],
                on[2], on[3], od[0], od[1], od[2], od[3], count, 2, 1,
            )?;
        }
        Layer::LogUpMultiplicities { numerators, .. } => {
            let n = numerators.words().ptr();
            launch::next_layer_multiplicities(
                &context, grid, n, d[0], d[1], d[2], d[3], on[0], on[1], on[2], on[3], od[0],
                od[1], od[2], od[3], count, 2, 1,
            )?;
        }
        Layer::LogUpSingles { .. } => launch::next_layer_singles(
            &context, grid, d[0], d[1], d[2], d[3], on[0], on[1], on[2], on[3], od[0], od[1],
            od[2], od[3], count, 2, 1,
        )?,
        Layer::GrandProduct(_) => unreachable!("returned above"),
    }
    Ok(Layer::LogUpGeneric {
        numerators: Mle::new(values),
        denominators: Mle::new(products),
    })
}

/// The sums over `half` gates at 0 and at 2, weighted by the first entries of `eq`.
fn round(
    h: &GkrMultivariatePolyOracle<'_, CudaBackend>,
    half: usize,
) -> Result<[SecureField; 2], CudaError> {
    let context = context(&h.input_layer);
    let eq: &SecureColumn = h.eq_evals.as_ref();
    assert!(eq.len() >= half, "a weight for every gate");
    let (e, batch, gates) = (planes(eq), qm31(h.lambda), half as u64);
    let mut sums = Sums::new(&context, 2)?;
    sums.add(half, 2, |grid, partials| match &h.input_layer {
        Layer::GrandProduct(column) => {
            let v = planes(column);
            launch::layer_sum_product(
                &context, grid, v[0], v[1], v[2], v[3], e[0], e[1], e[2], e[3], gates, 2, 1,
                partials,
            )
        }
        Layer::LogUpGeneric {
            numerators,
            denominators,
        } => {
            let (n, d) = (planes(numerators), planes(denominators));
            launch::layer_sum_generic(
                &context, grid, n[0], n[1], n[2], n[3], d[0], d[1], d[2], d[3], e[0], e[1], e[2],
                e[3], batch, gates, 2, 1, partials,
            )
        }
        Layer::LogUpMultiplicities {
            numerators,
            denominators,
        } => {
            let (n, d) = (numerators.words().ptr(), planes(denominators));
            launch::layer_sum_multiplicities(
                &context, grid, n, d[0], d[1], d[2], d[3], e[0], e[1], e[2], e[3], batch, gates, 2,
                1, partials,
            )
        }
        Layer::LogUpSingles { denominators } => {
            let d = planes(denominators);
            launch::layer_sum_singles(
                &context, grid, d[0], d[1], d[2], d[3], e[0], e[1], e[2], e[3], batch, gates, 2, 1,
                partials,
            )
        }
    })?;
    Ok(sums.download()?.try_into().expect("two sums"))
}

fn context(layer: &Layer<CudaBackend>) -> Arc<CudaContext> {
    let values = match layer {
        Layer::GrandProduct(values)
        | Layer::LogUpGeneric {
            denominators: values,
            ..
        }
        | Layer::LogUpMultiplicities {
            denominators: values,
            ..
        }
        | Layer::LogUpSingles {
            denominators: values,
        } => values,
    };
    Arc::clone(values.context())
}
