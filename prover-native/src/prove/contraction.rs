//! The bilinear terms: their values, reduced by one batched sumcheck to claims on their operands.

use stwo_ml_verifier::claims;
use stwo_ml_verifier::field::QM31;
use stwo_ml_verifier::proof::Contraction;
use stwo_ml_verifier::transcript::{Label, Transcript};

use super::{Prover, forms, run};
use crate::backend::{self, Backend, Cells, Form, Product};

impl<B: Backend> Prover<'_, B> {
    /// The values of the bilinear terms, reduced to claims on their operands.
    pub(super) fn contract(
        &self,
        tables: [&B::Table; 2],
        [leaf, cell]: [&[QM31]; 2],
        transcript: &mut Transcript,
    ) -> backend::Result<(Contraction, Vec<QM31>)> {
        let vk = &self.model.vk;
        let bilinear = claims::bilinear(vk, leaf, cell);
        let product = |b: &claims::Bilinear<'_>| {
            let cells = |id: u32| Cells::from(&vk.tensors[id as usize]);
            let base = cells(b.term.right);
            let left = cells(b.term.left.expect("a bilinear term"));
            let form = forms::contracted(b.term, left, base.log_size, b.out);
            Product {
                base,
                form: Form::Contracted(form),
            }
        };
        let products: Vec<Product> = bilinear.iter().map(product).collect();
        let variables = self.shape.contraction_rounds;
        let mut sumcheck = self.backend.products(tables, &products, variables)?;
        let values = sumcheck.values()?;
        transcript.absorb_elements(Label::ContractionValues, &values);
        sumcheck.batch(transcript.challenge(Label::ContractionBatch));
        let label = Label::ContractionRound;
        let (rounds, point) = run(&mut *sumcheck, variables, label, transcript, |_, _| Ok(()))?;
        // What the bound forms are worth at the point is the value of the left operands.
        let ends = sumcheck.ends()?;
        transcript.absorb_elements(Label::ContractionEnd, ends.as_flattened());
        let contraction = Contraction {
            values,
            rounds,
            ends,
        };
        Ok((contraction, point))
    }
}
