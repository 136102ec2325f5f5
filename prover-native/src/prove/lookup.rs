//! The prover's side of the lookup argument.

use rayon::prelude::*;
use stwo_ml_verifier::field::{M31, QM31};
use stwo_ml_verifier::lookup::{Fingerprint, Layer, LookupProof, tag};
use stwo_ml_verifier::multilinear::lerp;
use stwo_ml_verifier::shape::{BlockKind, Shape};
use stwo_ml_verifier::sumcheck::value_at;
use stwo_ml_verifier::transcript::{Label, Transcript};
use stwo_ml_verifier::vk::{TableOutput, Vk};

use super::contraction::dot;
use super::{Witness, element, forms::eq_table, low_point};
use crate::backend::FractionTree;

/// Proves the sum of all fractions to be zero; returns the proof and the leaves' point.
pub(super) fn prove(
    vk: &Vk,
    shape: &Shape,
    witness: &Witness,
    cells: &[M31],
    weights: &[M31],
    mut tree: Box<dyn FractionTree>,
    transcript: &mut Transcript,
) -> (LookupProof, Vec<QM31>) {
    let mut layers = Vec::new();
    let mut point: Vec<QM31> = Vec::new();
    let (mut numerator, mut denominator) = (QM31::ZERO, QM31::ONE);
    for depth in 0..shape.log_leaves as usize {
        let mut next = Vec::new();
        let mut rounds = Vec::new();
        let halves = if depth == 0 {
            tree.root()
        } else {
            let batch = transcript.challenge(Label::LookupBatch);
            let mut claim = numerator + batch * denominator;
            let mut sumcheck = tree.layer(depth, batch, &point);
            for w in &point {
                let [g0, lead] = sumcheck.round();
                // (1 - w) g(0) + w g(1) = claim.
                let g1 = (claim - (QM31::ONE - *w) * g0)
                    * w.inverse()
                        .expect("a zero challenge has probability 2^-124");
                let round = [g0, g1, lead];
                transcript.absorb_elements(Label::LookupRound, &round);
                let r = transcript.challenge(Label::LookupRound);
                sumcheck.bind(r);
                claim = value_at(round, r);
                next.push(r);
                rounds.push(round);
            }
            sumcheck.halves()
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
    let columns = columns(vk, witness, cells, weights, &point);
    transcript.absorb_elements(Label::LookupColumns, &columns);
    (LookupProof { layers, columns }, point)
}

/// The values of all columns at the leaves' point.
fn columns(
    vk: &Vk,
    witness: &Witness,
    cells: &[M31],
    weights: &[M31],
    point: &[QM31],
) -> Vec<QM31> {
    // Boxes of one size share their table.
    let mut tables: Vec<Option<Vec<QM31>>> = vec![None; point.len() + 1];
    let mut eq = |log_size: u8| -> Vec<QM31> {
        tables[log_size as usize]
            .get_or_insert_with(|| eq_table(low_point(point, log_size)))
            .clone()
    };
    let integers = |values: &[i32], eq: &[QM31]| {
        let values: Vec<M31> = values.iter().map(|v| element(*v)).collect();
        dot(&values, eq)
    };
    let mut columns = Vec::new();
    for (i, lookup) in vk.lookups.iter().enumerate() {
        let eq = eq(lookup.log_size);
        columns.push(integers(&witness.lookup_inputs[i], &eq));
        if lookup.output.is_some() {
            columns.push(integers(&witness.lookup_outputs[i], &eq));
        }
    }
    let tensor = |id: u32, oracle: &[M31], eq: &[QM31]| {
        let tensor = &vk.tensors[id as usize];
        dot(
            &oracle[tensor.offset as usize..][..1 << tensor.log_size],
            eq,
        )
    };
    for table in &vk.tables {
        let eq = eq(table.log_size);
        columns.push(tensor(table.multiplicity, cells, &eq));
        if let TableOutput::Column(id) = table.output {
            columns.push(tensor(id, weights, &eq));
        }
    }
    columns
}

/// Numerators and denominators of all leaves of the lookup argument.
pub(super) fn leaves(
    vk: &Vk,
    shape: &Shape,
    witness: &Witness,
    weights: &[M31],
    fingerprint: Fingerprint,
) -> (Vec<QM31>, Vec<QM31>) {
    let count = 1usize << shape.log_leaves;
    let mut numerators = vec![QM31::ZERO; count];
    let mut denominators = vec![QM31::ONE; count];
    let denominator = |tag: M31, input: i32, output: M31| {
        fingerprint.denominator(tag, element(input).into(), output.into())
    };
    for block in &shape.blocks {
        let range = block.offset as usize..(block.offset as usize) + (1 << block.log_size);
        let (numerators, denominators) = (&mut numerators[range.clone()], &mut denominators[range]);
        match block.kind {
            BlockKind::Lookup(i) => {
                let tag = tag(vk.lookups[i].table);
                let (inputs, outputs) = (&witness.lookup_inputs[i], &witness.lookup_outputs[i]);
                numerators.fill(QM31::ONE);
                denominators
                    .par_iter_mut()
                    .with_min_len(1024)
                    .enumerate()
                    .for_each(|(x, d)| {
                        *d = denominator(
                            tag,
                            inputs[x],
                            outputs.get(x).map_or(M31::ZERO, |v| element(*v)),
                        );
                    });
            }
            BlockKind::Table(i) => {
                let table = &vk.tables[i];
                let tag = tag(i as u32);
                let counts = &witness.tensors[table.multiplicity as usize];
                let column = match table.output {
                    TableOutput::Column(id) => {
                        let tensor = &vk.tensors[id as usize];
                        &weights[tensor.offset as usize..][..1 << tensor.log_size]
                    }
                    _ => &[],
                };
                numerators
                    .iter_mut()
                    .zip(counts)
                    .for_each(|(n, m)| *n = -QM31::from(element(*m)));
                denominators
                    .par_iter_mut()
                    .with_min_len(1024)
                    .enumerate()
                    .for_each(|(row, d)| {
                        let input = table.base + (row as i32).min(table.len as i32 - 1);
                        let output = match table.output {
                            TableOutput::None => M31::ZERO,
                            TableOutput::Clamp { lo, hi } => element(input.clamp(lo, hi)),
                            TableOutput::Column(_) => column[row],
                        };
                        *d = denominator(tag, input, output);
                    });
            }
        }
    }
    (numerators, denominators)
}
