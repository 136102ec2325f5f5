//! GKR and multilinear operations of stwo, on the host, counted as host operations.

use stwo::core::fields::m31::BaseField;
use stwo::core::fields::qm31::SecureField;
use stwo::prover::backend::{Column, CpuBackend};
use stwo::prover::lookups::gkr_prover::{GkrMultivariatePolyOracle, GkrOps, Layer};
use stwo::prover::lookups::mle::{Mle, MleOps};
use stwo::prover::lookups::utils::UnivariatePoly;

use super::CudaBackend;
use crate::context::CudaContext;
use crate::error::OrRaise;

fn count(operation: &'static str) {
    CudaContext::current().or_raise().counters().host(operation);
}

fn upload(mle: Mle<CpuBackend, SecureField>) -> Mle<CudaBackend, SecureField> {
    Mle::new(mle.into_evals().into_iter().collect())
}

impl MleOps<BaseField> for CudaBackend {
    fn fix_first_variable(
        mle: Mle<Self, BaseField>,
        assignment: SecureField,
    ) -> Mle<Self, SecureField> {
        count("fix_first_variable");
        let mle = Mle::<CpuBackend, BaseField>::new(mle.into_evals().to_cpu());
        upload(mle.fix_first_variable(assignment))
    }
}

impl MleOps<SecureField> for CudaBackend {
    fn fix_first_variable(
        mle: Mle<Self, SecureField>,
        assignment: SecureField,
    ) -> Mle<Self, SecureField> {
        count("fix_first_variable");
        let mle = Mle::<CpuBackend, SecureField>::new(mle.into_evals().to_cpu());
        upload(mle.fix_first_variable(assignment))
    }
}

impl GkrOps for CudaBackend {
    fn gen_eq_evals(y: &[SecureField], v: SecureField) -> Mle<Self, SecureField> {
        count("gen_eq_evals");
        upload(CpuBackend::gen_eq_evals(y, v))
    }

    fn next_layer(layer: &Layer<Self>) -> Layer<Self> {
        count("next_layer");
        match CpuBackend::next_layer(&layer.to_cpu()) {
            Layer::GrandProduct(product) => Layer::GrandProduct(upload(product)),
            Layer::LogUpGeneric {
                numerators,
                denominators,
            } => Layer::LogUpGeneric {
                numerators: upload(numerators),
                denominators: upload(denominators),
            },
            _ => unreachable!("the layer above any layer is one of these two"),
        }
    }

    fn sum_as_poly_in_first_variable(
        oracle: &GkrMultivariatePolyOracle<'_, Self>,
        claim: SecureField,
    ) -> UnivariatePoly<SecureField> {
        count("sum_as_poly_in_first_variable");
        CpuBackend::sum_as_poly_in_first_variable(&oracle.to_cpu(), claim)
    }
}
