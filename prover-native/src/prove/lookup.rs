//! The prover's side of the lookup argument.

use stwo_ml_verifier::field::QM31;
use stwo_ml_verifier::lookup::{Layer, LookupProof, tag};
use stwo_ml_verifier::multilinear::lerp;
use stwo_ml_verifier::shape::{self as placement, BlockKind, Shape};
use stwo_ml_verifier::sumcheck::value_at;
use stwo_ml_verifier::transcript::{Label, Transcript};
use stwo_ml_verifier::vk::{TableOutput, Vk};

use super::Witness;
use crate::backend::{Block, Cells, Column, FractionTree, Result};

/// Proves the sum of all fractions to be zero; returns the proof and the leaves' point.
pub(super) fn prove(
    log_leaves: u32,
    mut tree: Box<dyn FractionTree + '_>,
    transcript: &mut Transcript,
) -> Result<(LookupProof, Vec<QM31>)> {
    let mut layers = Vec::new();
    let mut point: Vec<QM31> = Vec::new();
    let (mut numerator, mut denominator) = (QM31::ZERO, QM31::ONE);
    for depth in 0..log_leaves as usize {
        let mut next = Vec::new();
        let mut rounds = Vec::new();
        let halves = if depth == 0 {
            tree.root()?
        } else {
            let batch = transcript.challenge(Label::LookupBatch);
            let mut claim = numerator + batch * denominator;
            let mut sumcheck = tree.layer(depth, batch, &point)?;
            for w in &point {
                let [g0, lead] = sumcheck.round()?;
                // (1 - w) g(0) + w g(1) = claim.
                let g1 = (claim - (QM31::ONE - *w) * g0)
                    * w.inverse()
                        .expect("a zero challenge has probability 2^-124");
                let round = [g0, g1, lead];
                transcript.absorb_elements(Label::LookupRound, &round);
                let r = transcript.challenge(Label::LookupRound);
                sumcheck.bind(r)?;
                claim = value_at(round, r);
                next.push(r);
                rounds.push(round);
            }
            sumcheck.halves()?
        };
        let [n0, n1, d0, d1] = halves;
        transcript.absorb_elements(Label::LookupLayer, &halves);
        let r = transcript.challenge(Label::LookupLayer);
        numerator = lerp(n0, n1, r);
        denominator = lerp(d0, d1, r);
        next.insert(0, r);
        point = next;
        layers.push(Layer { rounds, halves });
    }
    let columns = tree.columns(&point)?;
    transcript.absorb_elements(Label::LookupColumns, &columns);
    Ok((LookupProof { layers, columns }, point))
}

/// The fractions of the lookup argument, in the key's order: lookups, then tables.
pub(super) fn blocks<'a>(vk: &'a Vk, shape: &Shape, witness: &'a Witness) -> Vec<Block<'a>> {
    let cells = |id: u32| Cells::from(&vk.tensors[id as usize]);
    let mut blocks: Vec<_> = shape.blocks.iter().collect();
    blocks.sort_by_key(|block| match block.kind {
        BlockKind::Lookup(i) => (0, i),
        BlockKind::Table(i) => (1, i),
    });
    let describe = |block: &placement::Block| {
        let (offset, log_size) = (block.offset as usize, block.log_size.into());
        match block.kind {
            BlockKind::Lookup(i) => Block {
                offset,
                log_size,
                multiplicities: None,
                tag: tag(vk.lookups[i].table),
                input: Column::Integers(&witness.lookup_inputs[i]),
                output: match vk.lookups[i].output {
                    Some(_) => Column::Integers(&witness.lookup_outputs[i]),
                    None => Column::ZERO,
                },
            },
            BlockKind::Table(i) => {
                let table = &vk.tables[i];
                let (base, last) = (table.base, table.len as i32 - 1);
                let ramp = |lo, hi| Column::Ramp { base, last, lo, hi };
                Block {
                    offset,
                    log_size,
                    multiplicities: Some(cells(table.multiplicity)),
                    tag: tag(i as u32),
                    input: ramp(i32::MIN, i32::MAX),
                    output: match table.output {
                        TableOutput::None => Column::ZERO,
                        TableOutput::Clamp { lo, hi } => ramp(lo, hi),
                        TableOutput::Column(id) => Column::Cells(cells(id)),
                    },
                }
            }
        }
    };
    blocks.into_iter().map(describe).collect()
}
