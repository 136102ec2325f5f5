//! The opening of the oracles: a multilinear commitment over the circle code.
//!
//! An oracle is a table of `2^c` columns of `2^n` cells. The cells of a column, with the bits of
//! the row reversed, are the coefficients of a polynomial in the circle FFT basis, and its
//! codeword (the values on a canonic coset) is committed row by row. Folding a codeword with
//! `(1 - r) even + r odd` binds the highest remaining bit of the row to `r`: the codeword of the
//! table becomes the codeword of the table restricted to `r` (BaseFold, ePrint 2023/1705, over
//! circle codes, ePrint 2024/278).
//!
//! Both oracles have the same `n`, so they are joined once, before the first fold: the columns
//! of each are combined by `eq` at the column coordinates of the point, and the second is added
//! with a fresh challenge. What remains is one claim `sum_x eq(row, x) f(x) = value` on a word
//! that the queried rows determine. Each folding round splits it in halves,
//! `(1 - row_i) f_0 + row_i f_1 = value`, and the folding challenge continues with
//! `(1 - r) f_0 + r f_1`.

use alloc::vec::Vec;

use crate::circle::{domain_point, fold_pair, line_x};
use crate::error::VerifyError;
use crate::field::{M31, QM31};
use crate::hash::Digest;
use crate::merkle;
use crate::multilinear::{eq_table, evaluate, high, lerp, low};
use crate::proof::{Opening, Query, Rows};
use crate::security::Parameters;
use crate::shape::{Shape, Word};
use crate::transcript::{Label, Transcript};

/// The nonces of the proofs of work before proximity challenges, in order.
#[derive(Debug)]
pub struct ProximityGrinds<'a> {
    bits: u32,
    nonces: core::iter::Enumerate<core::slice::Iter<'a, u64>>,
}

impl<'a> ProximityGrinds<'a> {
    /// The nonces of a proof.
    pub fn new(level: Parameters, nonces: &'a [u64]) -> Self {
        Self {
            bits: level.proximity_grind.into(),
            nonces: nonces.iter().enumerate(),
        }
    }

    /// Checks and absorbs the next nonce, if the level asks for one.
    ///
    /// # Errors
    /// [`VerifyError::ProximityGrind`].
    pub fn next(&mut self, transcript: &mut Transcript) -> Result<(), VerifyError> {
        if self.bits == 0 {
            return Ok(());
        }
        let (index, nonce) = self.nonces.next().ok_or(VerifyError::Shape)?;
        if transcript.grind(Label::ProximityNonce, self.bits, *nonce) {
            Ok(())
        } else {
            Err(VerifyError::ProximityGrind { index })
        }
    }
}

/// What is opened: the caps of the oracles, the point, and the value of each oracle there.
#[derive(Clone, Copy, Debug)]
pub struct Claim<'a> {
    /// Cap of the witness oracle.
    pub witness: &'a [Digest],
    /// Cap of the weight oracle.
    pub weights: &'a [Digest],
    /// The point: column coordinates of the wider oracle, then row coordinates.
    pub point: &'a [QM31],
    /// Evaluations of the witness and of the weights, each at its own coordinates.
    pub values: [QM31; 2],
}

/// What the folding of a valid opening went through.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Folds {
    /// Per word of the shape, the challenges that fold it.
    pub challenges: Vec<Vec<QM31>>,
    /// Per query, the value of every committed folded word at it.
    pub values: Vec<Vec<QM31>>,
}

/// Checks the opening.
///
/// # Errors
/// The soundness error of the check that failed.
pub fn verify(
    shape: &Shape,
    level: Parameters,
    claim: Claim<'_>,
    opening: &Opening,
    grinds: &mut ProximityGrinds<'_>,
    transcript: &mut Transcript,
) -> Result<Folds, VerifyError> {
    let row = low(claim.point, shape.log_rows.into());
    let column = high(claim.point, shape.log_rows.into());

    // 1. Join the oracles.
    grinds.next(transcript)?;
    let join = transcript.challenge(Label::JoinChallenge);
    let [witness, weights] = claim.values;
    let mut value = witness + join * weights;

    // 2. Fold: a round per variable, a cap per committed word.
    let mut rounds = opening.rounds.iter().zip(row).enumerate();
    let mut caps = opening.caps.iter();
    let mut challenges = Vec::with_capacity(shape.words.len());
    for (i, word) in shape.words.iter().enumerate() {
        if i > 0 {
            transcript.absorb_digests(Label::LayerCap, caps.next().ok_or(VerifyError::Shape)?);
        }
        let mut own = Vec::with_capacity(word.log_coset.into());
        for (round, ([f0, f1], w)) in rounds.by_ref().take(word.log_coset.into()) {
            if lerp(*f0, *f1, *w) != value {
                return Err(VerifyError::FoldingRound { round });
            }
            transcript.absorb_elements(Label::FoldingRound, &[*f0, *f1]);
            grinds.next(transcript)?;
            let r = transcript.challenge(Label::FoldingRound);
            value = lerp(*f0, *f1, r);
            own.push(r);
        }
        challenges.push(own);
    }

    // 3. The rest in clear.
    let rest = low(row, shape.log_clear.into());
    if evaluate(opening.clear.iter().copied(), rest) != value {
        return Err(VerifyError::ClearPolynomial);
    }
    transcript.absorb_elements(Label::ClearPolynomial, &opening.clear);

    // 4. Queries: cosets of the oracles, drawn after everything else is fixed.
    if !transcript.grind(Label::QueryNonce, level.query_grind.into(), opening.nonce) {
        return Err(VerifyError::QueryGrind);
    }
    let (first, layers) = shape.words.split_first().ok_or(VerifyError::Shape)?;
    let (first_challenges, layer_challenges) =
        challenges.split_first().ok_or(VerifyError::Shape)?;
    let columns = [
        eq_table(low(column, shape.log_witness_columns.into())),
        eq_table(low(column, shape.log_weight_columns.into())),
    ];
    let bits = first.log_cosets().into();
    let positions = transcript.positions(Label::Queries, level.queries.into(), bits);
    let mut held = Vec::with_capacity(positions.len());
    for (i, (query, position)) in opening.queries.iter().zip(positions).enumerate() {
        check_rows(claim.witness, &query.witness, position)
            .ok_or(VerifyError::WitnessPath { query: i })?;
        check_rows(claim.weights, &query.weights, position)
            .ok_or(VerifyError::WeightsPath { query: i })?;
        let joined = joined_coset(query, &columns, join);
        let folded = fold(joined, position, 0, first, first_challenges);
        let mut value = folded.ok_or(VerifyError::Shape)?;
        let mut index = position;
        let mut folds = u32::from(first.log_coset);
        let mut own = Vec::with_capacity(layers.len());
        let words = layers
            .iter()
            .zip(layer_challenges)
            .zip(query.layers.iter().zip(&opening.caps));
        for (layer, ((word, challenges), (coset, cap))) in words.enumerate() {
            let leaf = merkle::leaf_hash(coset.values.iter().flat_map(|v| v.coordinates()));
            let coset_index = index.checked_shr(word.log_coset.into()).unwrap_or(0);
            if !merkle::is_under_cap(cap, leaf, coset_index, &coset.path) {
                return Err(VerifyError::LayerPath { query: i, layer });
            }
            let within = index & !u32::MAX.checked_shl(word.log_coset.into()).unwrap_or(0);
            let found = usize::try_from(within)
                .ok()
                .and_then(|w| coset.values.get(w));
            if found != Some(&value) {
                return Err(VerifyError::Folding { query: i, layer });
            }
            own.push(value);
            index = coset_index;
            let values = coset.values.clone();
            value = fold(values, index, folds, word, challenges).ok_or(VerifyError::Shape)?;
            folds = folds.saturating_add(word.log_coset.into());
        }
        let x = line_x(first.log_length.into(), folds, index).ok_or(VerifyError::Shape)?;
        if clear_value(&opening.clear, x) != value {
            return Err(VerifyError::LastFold { query: i });
        }
        held.push(own);
    }
    Ok(Folds {
        challenges,
        values: held,
    })
}

/// Checks a block of rows against a cap.
fn check_rows(cap: &[Digest], rows: &Rows, position: u32) -> Option<()> {
    let leaves: Vec<Digest> = rows
        .rows
        .iter()
        .map(|row| merkle::leaf_hash(row.iter().copied()))
        .collect();
    let node = merkle::block_root(&leaves)?;
    merkle::is_under_cap(cap, node, position, &rows.path).then_some(())
}

/// The joined word on the queried coset.
fn joined_coset(query: &Query, [witness, weights]: &[Vec<QM31>; 2], join: QM31) -> Vec<QM31> {
    let combine =
        |row: &[M31], eq: &[QM31]| -> QM31 { row.iter().zip(eq).map(|(v, e)| *e * *v).sum() };
    let rows = query.witness.rows.iter().zip(&query.weights.rows);
    rows.map(|(w, v)| combine(w, witness) + join * combine(v, weights))
        .collect()
}

/// Folds a whole coset, number `index` of a word that has been folded `folds` times before.
fn fold(
    mut values: Vec<QM31>,
    index: u32,
    folds: u32,
    word: &Word,
    challenges: &[QM31],
) -> Option<QM31> {
    let log_domain = u32::from(word.log_length).checked_add(folds)?;
    for (r, step) in challenges.iter().zip(0u32..) {
        let folds = folds.checked_add(step)?;
        let length = u32::try_from(values.len()).ok()?;
        let first = index.checked_mul(length)?;
        let pairs = values.as_chunks::<2>().0.iter().zip((first..).step_by(2));
        values = pairs
            .map(|([f0, f1], even)| {
                let twiddle = match folds {
                    0 => domain_point(log_domain, even)?.y,
                    _ => line_x(log_domain, folds, even)?,
                };
                fold_pair(*f0, *f1, twiddle, *r)
            })
            .collect::<Option<_>>()?;
    }
    values.first().copied()
}

/// The value of the clear polynomial's codeword at a point of the line: the highest bit of the
/// index is the variable `x`, the next one `pi(x) = 2x^2 - 1`, and so on.
fn clear_value(clear: &[QM31], x: M31) -> QM31 {
    let mut values = clear.to_vec();
    let mut u = x;
    while values.len() > 1 {
        let (lo, hi) = values.split_at(values.len().div_ceil(2));
        values = lo.iter().zip(hi).map(|(a, b)| *a + *b * u).collect();
        u = crate::circle::double_x(u);
    }
    values.first().copied().unwrap_or(QM31::ZERO)
}
