//! The bilinear terms: their values, reduced by one batched sumcheck to claims on their operands.

use rayon::prelude::*;
use stwo_ml_verifier::claims::{self, Bilinear};
use stwo_ml_verifier::field::{M31, QM31};
use stwo_ml_verifier::proof::Contraction;
use stwo_ml_verifier::sumcheck::own_coordinates;
use stwo_ml_verifier::transcript::{Label, Transcript};
use stwo_ml_verifier::vk::Oracle;

use super::{Prover, forms, run};
use crate::backend::Product;

impl Prover<'_> {
    /// The values of the bilinear terms, reduced to claims on their operands.
    pub(super) fn contract(
        &self,
        [witness, weights]: [&[M31]; 2],
        [leaf, cell]: [&[QM31]; 2],
        transcript: &mut Transcript,
    ) -> (Contraction, Vec<QM31>) {
        let vk = &self.model.vk;
        let cells = |id: u32| {
            let tensor = &vk.tensors[id as usize];
            let oracle = match tensor.oracle {
                Oracle::Witness => witness,
                Oracle::Weights => weights,
            };
            &oracle[tensor.offset as usize..][..1 << tensor.log_size]
        };
        let bilinear = claims::bilinear(vk, leaf, cell);
        let mut forms: Vec<Vec<QM31>> = bilinear
            .iter()
            .map(|Bilinear { term, out }| {
                let right_bits = vk.tensors[term.right as usize].log_size.into();
                let left = cells(term.left.expect("a bilinear term"));
                forms::right_form(term, left, right_bits, out)
            })
            .collect();
        let values: Vec<QM31> = bilinear
            .iter()
            .zip(&forms)
            .map(|(b, form)| dot(cells(b.term.right), form))
            .collect();
        transcript.absorb_elements(Label::ContractionValues, &values);
        let batch = transcript.challenge(Label::ContractionBatch);
        // The verifier is told the left forms at the end without the powers of the batch.
        let unscaled = forms.clone();
        let mut power = QM31::ONE;
        for form in &mut forms {
            form.par_iter_mut().for_each(|f| *f *= power);
            power *= batch;
        }
        let products = bilinear
            .iter()
            .zip(forms)
            .map(|(b, form)| Product {
                base: cells(b.term.right).to_vec(),
                form,
            })
            .collect();
        let mut sumcheck = self
            .backend
            .products(products, self.shape.contraction_rounds);
        let (rounds, point) = run(
            &mut *sumcheck,
            self.shape.contraction_rounds,
            Label::ContractionRound,
            transcript,
            |_, _| {},
        );
        let ends: Vec<[QM31; 2]> = sumcheck
            .bases()
            .into_iter()
            .zip(&unscaled)
            .map(|(right, form)| {
                let (own, _) = own_coordinates(&point, form.len().ilog2() as usize);
                let eq = forms::eq_table(own);
                [right, eq.iter().zip(form).map(|(e, f)| *e * *f).sum()]
            })
            .collect();
        let flat: Vec<QM31> = ends.iter().flatten().copied().collect();
        transcript.absorb_elements(Label::ContractionEnd, &flat);
        (
            Contraction {
                values,
                rounds,
                ends,
            },
            point,
        )
    }
}

pub(super) fn dot(base: &[M31], form: &[QM31]) -> QM31 {
    base.par_iter()
        .zip(form)
        .with_min_len(1024)
        .map(|(b, f)| *f * *b)
        .reduce(|| QM31::ZERO, |a, b| a + b)
}
