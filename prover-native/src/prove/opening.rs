//! The prover's side of the opening.

use stwo_ml_verifier::field::QM31;
use stwo_ml_verifier::multilinear::{high, low};
use stwo_ml_verifier::proof::{Opening, Query};
use stwo_ml_verifier::transcript::{Label, Transcript};

use super::Prover;
use super::forms::eq_table;
use crate::backend::{Backend, Committed, Result};

impl<B: Backend> Prover<'_, B> {
    /// Opens both tables at a point.
    pub(super) fn open(
        &self,
        tables: [&B::Table; 2],
        point: &[QM31],
        transcript: &mut Transcript,
        nonces: &mut Vec<u64>,
    ) -> Result<Opening> {
        let shape = &self.shape;
        let level = self.model.vk.level.parameters();
        let row = low(point, shape.log_rows.into());
        let column = high(point, shape.log_rows.into());

        // 1. Join: combine the columns of each oracle, then the oracles.
        self.proximity_grind(transcript, nonces)?;
        let join = transcript.challenge(Label::JoinChallenge);
        let columns = |log_columns: u8| eq_table(low(column, log_columns.into()));
        let witness = columns(shape.log_witness_columns);
        let mut weights = columns(shape.log_weight_columns);
        weights.iter_mut().for_each(|e| *e *= join);
        let mut folded = self
            .backend
            .combine(tables, [&witness, &weights], row, level)?;

        // 2. Fold.
        let mut rounds = Vec::new();
        let mut caps = Vec::new();
        for (i, word) in shape.words.iter().enumerate() {
            if i > 0 {
                #[cfg(feature = "test-levels")]
                if self.corruption == Some(super::Corruption::FoldedWord) {
                    folded.corrupt()?;
                }
                let cap = folded.commit(*word)?;
                transcript.absorb_digests(Label::LayerCap, &cap);
                caps.push(cap);
            }
            for _ in 0..word.log_coset {
                let round = folded.round()?;
                transcript.absorb_elements(Label::FoldingRound, &round);
                self.proximity_grind(transcript, nonces)?;
                folded.fold(transcript.challenge(Label::FoldingRound))?;
                rounds.push(round);
            }
        }
        let clear = folded.message()?;
        #[cfg(feature = "test-levels")]
        let clear = self.corrupt_clear(clear, low(point, shape.log_clear.into()));
        debug_assert_eq!(clear.len(), 1 << shape.log_clear);
        transcript.absorb_elements(Label::ClearPolynomial, &clear);

        // 3. Queries.
        let nonce = self.grind(
            transcript,
            Label::QueryNonce,
            level.query_grind.into(),
            None,
        )?;
        let first = shape.words[0];
        let count = level.queries.into();
        let positions = transcript.positions(Label::Queries, count, first.log_cosets().into());
        let mut cosets: Vec<usize> = positions.iter().map(|p| *p as usize).collect();
        let [witness, weights] = tables;
        let rows = witness.open(first, &cosets)?.into_iter();
        let rows = rows.zip(weights.open(first, &cosets)?);
        let mut queries: Vec<Query> = rows
            .map(|(witness, weights)| Query {
                witness,
                weights,
                layers: Vec::with_capacity(caps.len()),
            })
            .collect();
        for (layer, word) in shape.words[1..].iter().enumerate() {
            cosets.iter_mut().for_each(|c| *c >>= word.log_coset);
            let opened = folded.open(layer, &cosets)?;
            let pairs = queries.iter_mut().zip(opened);
            pairs.for_each(|(query, coset)| query.layers.push(coset));
        }
        Ok(Opening {
            rounds,
            caps,
            clear,
            nonce,
            queries,
        })
    }

    /// Another polynomial with the same evaluation, if the tests ask for one.
    #[cfg(feature = "test-levels")]
    fn corrupt_clear(&self, mut clear: Vec<QM31>, row: &[QM31]) -> Vec<QM31> {
        if self.corruption == Some(super::Corruption::ClearPolynomial) {
            let eq = eq_table(row);
            clear[0] += eq[1];
            clear[1] -= eq[0];
        }
        clear
    }
}
