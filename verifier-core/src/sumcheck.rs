//! Verification of sumcheck rounds.
//!
//! A round polynomial `g` of degree two is sent as `g(0), g(1)` and its leading coefficient,
//! written `g(inf)`.

use crate::error::VerifyError;
use crate::field::QM31;
use crate::multilinear::{eq_zero, high, lerp, low};
use crate::transcript::{Label, Transcript};
use alloc::vec::Vec;

/// `g(0), g(1), g(inf)` of a polynomial of degree two.
pub type Round = [QM31; 3];

/// The value at `x` of a round polynomial.
pub fn value_at([g0, g1, lead]: Round, x: QM31) -> QM31 {
    g0 + x * (g1 - g0 - lead + x * lead)
}

/// Checks `sum_x f(x) = claim` round by round, where `f` has degree two in each variable.
/// Returns the point and the value that `f` must have there.
///
/// # Errors
/// `error(i)` if round `i` contradicts its claim.
pub fn verify(
    transcript: &mut Transcript,
    label: Label,
    rounds: &[Round],
    claim: QM31,
    error: impl Fn(usize) -> VerifyError,
    mut before_challenge: impl FnMut(&mut Transcript, usize) -> Result<(), VerifyError>,
) -> Result<(Vec<QM31>, QM31), VerifyError> {
    let mut point = Vec::with_capacity(rounds.len());
    let mut claim = claim;
    for (i, round) in rounds.iter().enumerate() {
        let [g0, g1, _] = round;
        if *g0 + *g1 != claim {
            return Err(error(i));
        }
        transcript.absorb_elements(label, round);
        before_challenge(transcript, i)?;
        let r = transcript.challenge(label);
        claim = value_at(*round, r);
        point.push(r);
    }
    Ok((point, claim))
}

/// Checks `sum_x eq(weight, x) f(x) = claim`, where `f` has degree two. The factor `eq` never
/// enters the round polynomials: with `g` the sum over the later variables, a round's claim is
/// `(1 - w) g(0) + w g(1)` (Gruen, ePrint 2024/108, section 3). Returns as [`verify`].
///
/// # Errors
/// `error(i)` if round `i` contradicts its claim.
pub fn verify_weighted(
    transcript: &mut Transcript,
    label: Label,
    rounds: &[Round],
    weight: &[QM31],
    claim: QM31,
    error: impl Fn(usize) -> VerifyError,
) -> Result<(Vec<QM31>, QM31), VerifyError> {
    let mut point = Vec::with_capacity(rounds.len());
    let mut claim = claim;
    if rounds.len() != weight.len() {
        return Err(VerifyError::Shape);
    }
    for (i, (round, w)) in rounds.iter().zip(weight).enumerate() {
        let [g0, g1, _] = round;
        if lerp(*g0, *g1, *w) != claim {
            return Err(error(i));
        }
        transcript.absorb_elements(label, round);
        let r = transcript.challenge(label);
        claim = value_at(*round, r);
        point.push(r);
    }
    Ok((point, claim))
}

/// A polynomial in fewer variables takes part in a common sumcheck as its own table padded with
/// zeros at the end. Returns its own coordinates and the factor that the padding contributes.
pub fn own_coordinates(point: &[QM31], variables: usize) -> (&[QM31], QM31) {
    (low(point, variables), eq_zero(high(point, variables)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_more_or_fewer_rounds_than_weights() {
        let run = |rounds: &[Round], weight: &[QM31]| {
            let error = |round| VerifyError::ReductionRound { round };
            let mut transcript = Transcript::new();
            let label = Label::LookupRound;
            verify_weighted(&mut transcript, label, rounds, weight, QM31::ZERO, error).map(|r| r.1)
        };
        let (round, weight) = ([QM31::ZERO; 3], QM31::ONE);
        assert_eq!(run(&[round; 2], &[weight; 2]), Ok(QM31::ZERO));
        assert_eq!(run(&[round; 2], &[weight; 3]), Err(VerifyError::Shape));
        assert_eq!(run(&[round; 2], &[weight; 1]), Err(VerifyError::Shape));
    }
}
