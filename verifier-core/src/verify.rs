//! The verifier's whole argument.

use alloc::vec::Vec;

use crate::claims::{self, Claimed};
use crate::codec::{Reader, Writer};
use crate::error::VerifyError;
use crate::field::QM31;
use crate::hash::Digest;
use crate::lookup;
use crate::opening::{self, Folds, ProximityGrinds};
use crate::proof::{Contraction, Proof};
use crate::security::{Regime, regimes};
use crate::shape::Shape;
use crate::statement::Statement;
use crate::sumcheck::{self, own_coordinates};
use crate::transcript::{Label, Transcript};
use crate::vk::{Oracle, Vk};

/// First bytes of a proof file.
pub const PROOF_MAGIC: &[u8; 8] = b"stwomlPF";
/// Version of the proof file and of the protocol.
pub const PROOF_VERSION: u16 = 1;
/// Largest proof file that is read, in bytes.
pub const MAX_PROOF_BYTES: usize = 64 << 20;

/// What a valid proof establishes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Digest of the key, hence of the model.
    pub model: Digest,
    /// Soundness in every regime.
    pub security: [Regime; 5],
}

/// Checks that the model of `vk`, run on the statement's inputs, gives its outputs.
///
/// The key is trusted: it must come from the model's owner or from a compilation of one's own,
/// never from whoever sends the proof.
///
/// # Errors
/// [`VerifyError`] names the first check that failed; nothing may be concluded from the
/// statement then.
pub fn verify(vk: &Vk, statement: &Statement, proof: &Proof) -> Result<Verified, VerifyError> {
    replay(vk, statement, proof).map(|(verified, _)| verified)
}

/// As [`verify`], with what the folding went through.
pub(crate) fn replay(
    vk: &Vk,
    statement: &Statement,
    proof: &Proof,
) -> Result<(Verified, Folds), VerifyError> {
    vk.validate()?;
    // A proof that was not decoded under this key may have lists of any length (no queries, say).
    // What has the key's shape is what survives its own encoding.
    let mut bytes = Writer::default();
    proof.write(&mut bytes);
    let mut reader = Reader::new(&bytes.bytes);
    let decoded = Proof::read(&mut reader, vk)?;
    reader.end()?;
    if decoded != *proof {
        return Err(VerifyError::Shape);
    }
    argue(vk, statement, proof)
}

/// Checks a proof that has the shape of a valid key.
fn argue(vk: &Vk, statement: &Statement, proof: &Proof) -> Result<(Verified, Folds), VerifyError> {
    statement.check(vk)?;
    let shape = Shape::new(vk);
    let level = vk.level.parameters();
    let model = vk.digest();

    // 1. The statement and the committed witness come before every challenge.
    let mut transcript = Transcript::new();
    transcript.absorb(Label::VkDigest, &model.0);
    statement.absorb(&mut transcript);
    transcript.absorb_digests(Label::WitnessCap, &proof.witness);

    // 2. Lookups: every lookup is a row of its table, given the columns at a random point.
    if !transcript.grind(
        Label::LookupNonce,
        level.lookup_grind.into(),
        proof.lookup_nonce,
    ) {
        return Err(VerifyError::LookupGrind);
    }
    let leaf = lookup::verify(vk, &shape, &proof.lookup, &mut transcript)?;

    // 3. Public tensors and vanishing expressions are read at another random point.
    let cell = transcript.challenges(Label::CellPoint, shape.cell_rounds);
    let ports = statement.evaluate(vk, &cell);

    // 4. Bilinear terms: from their values to claims on their operands.
    let contraction = verify_contraction(vk, &proof.contraction, [&leaf, &cell], &mut transcript)?;

    // 5. All claims, reduced to one evaluation per oracle at a common point.
    let claims = claims::collect(
        vk,
        Claimed {
            leaf: &leaf,
            columns: &proof.lookup.columns,
            cell: &cell,
            ports: &ports,
            bilinear: &proof.contraction.values,
            contraction: &contraction,
            ends: &proof.contraction.ends,
        },
    )?;
    let batch = transcript.challenge(Label::ReductionBatch);
    let mut grinds = ProximityGrinds::new(level, &proof.reduction.nonces);
    let (point, value) = sumcheck::verify(
        &mut transcript,
        Label::ReductionRound,
        &proof.reduction.rounds,
        claims::batched_value(&claims, batch),
        |round| VerifyError::ReductionRound { round },
        |transcript, round| match round < shape.log_columns().into() {
            true => grinds.next(transcript),
            false => Ok(()),
        },
    )?;
    let mut expected = QM31::ZERO;
    for (oracle, opened) in [Oracle::Witness, Oracle::Weights]
        .into_iter()
        .zip(proof.reduction.values)
    {
        let variables = shape.log_rows.saturating_add(shape.log_columns_of(oracle));
        let (own, padding) = own_coordinates(&point, variables.into());
        expected += padding * opened * claims::batched_form(vk, &claims, batch, oracle, own)?;
    }
    if expected != value {
        return Err(VerifyError::ReductionEnd);
    }
    transcript.absorb_elements(Label::ReductionEnd, &proof.reduction.values);

    // 6. The oracles have these evaluations.
    let claim = opening::Claim {
        witness: &proof.witness,
        weights: &vk.weights,
        point: &point,
        values: proof.reduction.values,
    };
    let folds = opening::verify(
        &shape,
        level,
        claim,
        &proof.opening,
        &mut grinds,
        &mut transcript,
    )?;
    let security = regimes(level, &shape);
    Ok((Verified { model, security }, folds))
}

/// Checks the values of the bilinear terms by one sumcheck over their right operands. Returns
/// the point that ends it.
fn verify_contraction(
    vk: &Vk,
    proof: &Contraction,
    [leaf, cell]: [&[QM31]; 2],
    transcript: &mut Transcript,
) -> Result<Vec<QM31>, VerifyError> {
    transcript.absorb_elements(Label::ContractionValues, &proof.values);
    let batch = transcript.challenge(Label::ContractionBatch);
    let claim = proof
        .values
        .iter()
        .rev()
        .fold(QM31::ZERO, |sum, value| sum * batch + *value);
    let (point, value) = sumcheck::verify(
        transcript,
        Label::ContractionRound,
        &proof.rounds,
        claim,
        |round| VerifyError::ContractionRound { round },
        |_, _| Ok(()),
    )?;
    let (mut expected, mut power) = (QM31::ZERO, QM31::ONE);
    for (bilinear, [right, left]) in claims::bilinear(vk, leaf, cell).iter().zip(&proof.ends) {
        let variables = claims::tensor(vk, bilinear.term.right)?.log_size;
        let (_, padding) = own_coordinates(&point, variables.into());
        expected += power * padding * *right * *left;
        power *= batch;
    }
    if expected != value {
        return Err(VerifyError::ContractionEnd);
    }
    let ends: Vec<QM31> = proof.ends.iter().flatten().copied().collect();
    transcript.absorb_elements(Label::ContractionEnd, &ends);
    Ok(point)
}

/// Parses a proof file, checks it, and returns the statement that it proves.
///
/// # Errors
/// [`VerifyError`]; see [`verify`].
pub fn verify_file(vk: &Vk, bytes: &[u8]) -> Result<(Statement, Verified), VerifyError> {
    let (statement, proof) = decode_file(vk, bytes)?;
    let (verified, _) = argue(vk, &statement, &proof)?;
    Ok((statement, verified))
}

/// Parses a proof file without checking the proof.
///
/// # Errors
/// A [`VerifyError`] of stage `Decode`, or one of stage `Key` if the key is ill-formed.
pub fn decode_file(vk: &Vk, bytes: &[u8]) -> Result<(Statement, Proof), VerifyError> {
    if bytes.len() > MAX_PROOF_BYTES {
        return Err(VerifyError::TooLarge {
            limit: MAX_PROOF_BYTES,
            got: bytes.len(),
        });
    }
    vk.validate()?;
    let mut reader = Reader::new(bytes);
    if reader.take(PROOF_MAGIC.len())? != PROOF_MAGIC {
        return Err(VerifyError::WrongMagic);
    }
    let version = reader.u16()?;
    if version != PROOF_VERSION {
        return Err(VerifyError::UnsupportedVersion { got: version });
    }
    let statement = Statement::read(&mut reader, vk)?;
    let proof = Proof::read(&mut reader, vk)?;
    reader.end()?;
    Ok((statement, proof))
}

/// Encodes a proof file.
pub fn encode_file(statement: &Statement, proof: &Proof) -> Vec<u8> {
    let mut w = Writer::default();
    w.bytes.extend_from_slice(PROOF_MAGIC);
    w.u16(PROOF_VERSION);
    statement.write(&mut w);
    proof.write(&mut w);
    w.bytes
}
