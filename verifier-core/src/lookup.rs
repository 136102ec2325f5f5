//! The lookup argument: one sum of fractions over all lookups and tables (LogUp, ePrint
//! 2022/1530), proven by a tree of fractions with a sumcheck per layer (LogUp-GKR, ePrint
//! 2023/1283).
//!
//! Leaf `x` of a lookup is `1 / (alpha - tag - beta input(x) - beta^2 output(x))`; leaf `i` of a
//! table is minus its multiplicity over the same denominator of row `i`; leaves between blocks
//! are `0 / 1`. The sum is zero exactly when every looked-up pair is a row of its table, as often
//! as the multiplicities say, but for an error of `(tuples * 4) / |F|`; that the multiplicities
//! do not wrap is a rule of [`Vk::validate`].

use alloc::vec::Vec;

use crate::error::VerifyError;
use crate::field::{M31, QM31};
use crate::multilinear::{clamped_ramp, eq_index, high, lerp, low};
use crate::shape::{BlockKind, Shape};
use crate::sumcheck::{self, Round};
use crate::transcript::{Label, Transcript};
use crate::vk::{Table, TableOutput, Vk};

/// The fractions of one layer: the numerators and denominators of the two halves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    /// Sumcheck rounds; layer `i` has `i` of them.
    pub rounds: Vec<Round>,
    /// `n(0, x), n(1, x), d(0, x), d(1, x)` at the sumcheck's point `x`.
    pub halves: [QM31; 4],
}

/// The lookup argument's part of a proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LookupProof {
    /// Layers from the root, one per variable of the leaves.
    pub layers: Vec<Layer>,
    /// Values of all columns at the leaves' point: per lookup its input and its output (if
    /// any), then per table its multiplicity and its output column (if any).
    pub columns: Vec<QM31>,
}

/// The challenges that make a tuple one field element.
#[derive(Clone, Copy, Debug)]
pub struct Fingerprint {
    /// The point at which the fractions are summed.
    pub alpha: QM31,
    /// Base of the powers that separate the columns.
    pub beta: QM31,
}

impl Fingerprint {
    /// Draws the challenges.
    pub fn draw(transcript: &mut Transcript) -> Self {
        let alpha = transcript.challenge(Label::LookupChallenge);
        let beta = transcript.challenge(Label::LookupChallenge);
        Self { alpha, beta }
    }

    /// The denominator `alpha - tag - beta input - beta^2 output`.
    pub fn denominator(&self, tag: M31, input: QM31, output: QM31) -> QM31 {
        self.alpha - tag - self.beta * (input + self.beta * output)
    }
}

/// The tag of a table: its index plus one.
pub fn tag(table: u32) -> M31 {
    M31::reduce(u64::from(table).saturating_add(1))
}

/// Checks the argument and returns the point of the leaves. The columns are then claims on the
/// committed tensors, which the caller proves.
///
/// # Errors
/// The soundness error of the check that failed.
pub fn verify(
    vk: &Vk,
    shape: &Shape,
    proof: &LookupProof,
    transcript: &mut Transcript,
) -> Result<Vec<QM31>, VerifyError> {
    let fingerprint = Fingerprint::draw(transcript);
    let mut point: Vec<QM31> = Vec::new();
    let (mut numerator, mut denominator) = (QM31::ZERO, QM31::ONE);
    for (depth, layer) in proof.layers.iter().enumerate() {
        let [n0, n1, d0, d1] = layer.halves;
        let mut next = Vec::new();
        if depth == 0 {
            // 1. The root is the sum of all fractions: it is zero, and it is a fraction.
            if n0 * d1 + n1 * d0 != QM31::ZERO {
                return Err(VerifyError::LookupSum);
            }
            if d0 * d1 == QM31::ZERO {
                return Err(VerifyError::LookupDenominator);
            }
        } else {
            // 2. A node is the sum of its two children, at a random point of the layer.
            let batch = transcript.challenge(Label::LookupBatch);
            let claim = numerator + batch * denominator;
            let error = |round| VerifyError::LookupRound {
                layer: depth,
                round,
            };
            let (x, value) = sumcheck::verify_weighted(
                transcript,
                Label::LookupRound,
                &layer.rounds,
                &point,
                claim,
                error,
            )?;
            if n0 * d1 + n1 * d0 + batch * d0 * d1 != value {
                return Err(VerifyError::LookupLayer { layer: depth });
            }
            next = x;
        }
        transcript.absorb_elements(Label::LookupLayer, &layer.halves);
        let r = transcript.challenge(Label::LookupLayer);
        numerator = lerp(n0, n1, r);
        denominator = lerp(d0, d1, r);
        next.insert(0, r);
        point = next;
    }
    // 3. The leaves are what the key says of the claimed columns.
    transcript.absorb_elements(Label::LookupColumns, &proof.columns);
    let leaves = leaves(vk, shape, &proof.columns, fingerprint, &point)?;
    if leaves != (numerator, denominator) {
        return Err(VerifyError::LookupLeaves);
    }
    Ok(point)
}

/// Numerator and denominator of the leaves at a point, from the values of the columns there.
fn leaves(
    vk: &Vk,
    shape: &Shape,
    columns: &[QM31],
    fingerprint: Fingerprint,
    point: &[QM31],
) -> Result<(QM31, QM31), VerifyError> {
    let mut columns = columns.iter().copied();
    let mut next = || columns.next().ok_or(VerifyError::Shape);
    let mut lookups = Vec::with_capacity(vk.lookups.len());
    for lookup in &vk.lookups {
        let input = next()?;
        let output = if lookup.output.is_some() {
            next()?
        } else {
            QM31::ZERO
        };
        lookups.push((
            QM31::ONE,
            fingerprint.denominator(tag(lookup.table), input, output),
        ));
    }
    let mut tables = Vec::with_capacity(vk.tables.len());
    for (table, index) in vk.tables.iter().zip(0u32..) {
        let multiplicity = next()?;
        let row = low(point, table.log_size.into());
        let input = table_input(table, row);
        let output = match table.output {
            TableOutput::None => QM31::ZERO,
            TableOutput::Clamp { lo, hi } => table_clamp(table, lo, hi, row),
            TableOutput::Column(_) => next()?,
        };
        tables.push((
            -multiplicity,
            fingerprint.denominator(tag(index), input, output),
        ));
    }
    let (mut numerator, mut denominator, mut covered) = (QM31::ZERO, QM31::ZERO, QM31::ZERO);
    for block in &shape.blocks {
        let leaf = match block.kind {
            BlockKind::Lookup(i) => lookups.get(i),
            BlockKind::Table(i) => tables.get(i),
        };
        let (n, d) = leaf.ok_or(VerifyError::Shape)?;
        let index = block.offset.checked_shr(block.log_size.into()).unwrap_or(0);
        let selector = eq_index(high(point, block.log_size.into()), index);
        numerator += selector * *n;
        denominator += selector * *d;
        covered += selector;
    }
    Ok((numerator, denominator + QM31::ONE - covered))
}

/// The input column of a table at a point of its rows.
fn table_input(table: &Table, row: &[QM31]) -> QM31 {
    table_clamp(table, i32::MIN, i32::MAX, row)
}

fn table_clamp(table: &Table, lo: i32, hi: i32, row: &[QM31]) -> QM31 {
    let last = i64::from(table.len).saturating_sub(1);
    clamped_ramp(row, table.base.into(), last, lo.into(), hi.into())
}
