//! `proof_data`: an honest projection of a proof onto the form that the contract asks for.
//!
//! Every felt is a value of the proof, or one that its verification computed; nothing is padding.
//! The contract's grammar has a place for a commitment, a challenge and a value per query of each
//! of four layers: they are those of the first four committed folded words. `docs/starknet.md`
//! has the table.

use alloc::vec::Vec;

use super::contract::{FIRST_LAYER, point_is_in_general_position, work_is_done};
use super::{Felt, Part, StarknetError, poseidon};
use crate::field::{P, QM31};
use crate::hash::{self, Digest};
use crate::merkle;
use crate::opening::Folds;
use crate::proof::Proof;
use crate::security::Level;
use crate::shape::Shape;
use crate::statement::Statement;
use crate::verify::{decode_file, encode_file, replay};
use crate::vk::Vk;

/// Bits of the contract's own proof of work, the least that it admits.
pub const POW_BITS: u32 = 12;

/// Layers that the contract reads: the logarithm of the blow-up, and two.
const LAYERS: usize = 4;
/// Limbs of a hash.
const LIMBS: usize = 9;
/// Bits of a limb.
const LIMB_BITS: u32 = 30;
/// Felts per layer in the tail.
const TAIL: usize = 11;

/// A committed folded word, as far as the projection speaks of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    /// The Merkle root: the cap hashed up to one node.
    pub root: Digest,
    /// The first challenge drawn after the root, which folds the word first.
    pub challenge: QM31,
    /// Coordinate 0 of the word's value at every query, in the order of the queries.
    pub values: Vec<u32>,
}

/// The parts of `proof_data` but for the contract's nonce.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Projection {
    /// Base-two logarithm of the blow-up.
    pub log_blowup: u32,
    /// Base-two logarithm of the length of the clear polynomial.
    pub log_clear: u32,
    /// The input-output commitment.
    pub io: Felt,
    /// `poseidon` of the model's and the proof file's digest, each as two halves of 128 bits.
    pub digests: Felt,
    /// The first four committed folded words.
    pub layers: Vec<Layer>,
    /// The root of the witness oracle.
    pub witness: Digest,
}

impl Projection {
    /// Verifies a proof and projects it.
    ///
    /// # Errors
    /// [`StarknetError::Verify`] for a false proof, [`StarknetError::Level`] for a key of another
    /// level than `onchain128`, [`StarknetError::Ports`] or [`StarknetError::Scalar`] for a statement
    /// without commitment, [`StarknetError::Zero`] or [`StarknetError::Point`] in about one of
    /// `2^27` proofs.
    pub fn new(vk: &Vk, statement: &Statement, proof: &Proof) -> Result<Self, StarknetError> {
        if vk.level != Level::Onchain128 {
            let got = vk.level.name();
            return Err(StarknetError::Level { got });
        }
        let (verified, folds) = replay(vk, statement, proof)?;
        let file = hash::blake2s(&[&encode_file(statement, proof)]);
        let [model, file] = [verified.model, file].map(|digest| halves(&digest));
        let projection = Self {
            log_blowup: vk.level.parameters().log_blowup.into(),
            log_clear: Shape::new(vk).log_clear.into(),
            io: super::io_commitment(vk, statement)?,
            digests: poseidon(&[model, file].concat()),
            layers: layers(proof, &folds)?,
            witness: root(&proof.witness)?,
        };
        projection.admissible().map(|()| projection)
    }

    /// Verifies a proof file and projects its proof.
    ///
    /// # Errors
    /// Those of [`Projection::new`].
    pub fn of_file(vk: &Vk, bytes: &[u8]) -> Result<(Statement, Self), StarknetError> {
        let (statement, proof) = decode_file(vk, bytes)?;
        let projection = Self::new(vk, &statement, &proof)?;
        Ok((statement, projection))
    }

    /// Whether the contract takes these parts, given a nonce.
    fn admissible(&self) -> Result<(), StarknetError> {
        let zero = |part| Err(StarknetError::Zero { part });
        if self.io == Felt::ZERO {
            return zero(Part::IoCommitment);
        }
        if self.digests == Felt::ZERO {
            return zero(Part::Digests);
        }
        for (number, layer) in self.layers.iter().enumerate() {
            let [limb, ..] = limbs(&layer.root);
            if limb == 0 {
                return zero(Part::Root { layer: number });
            }
            let [coordinate, ..] = layer.challenge.coordinates();
            if coordinate.value() == 0 {
                return zero(Part::Challenge { layer: number });
            }
        }
        match point_is_in_general_position(self.io, self.digests) {
            true => Ok(()),
            false => Err(StarknetError::Point),
        }
    }

    /// The felts, with the contract's nonce.
    ///
    /// # Errors
    /// [`StarknetError::Layout`] if the nonce does not suffice ([`nonce_is_sufficient`]),
    /// [`StarknetError::Zero`] or [`StarknetError::Point`] for parts that the contract refuses.
    pub fn felts(&self, nonce: u32) -> Result<Vec<Felt>, StarknetError> {
        self.admissible()?;
        if !nonce_is_sufficient(self.io, nonce) {
            return Err(StarknetError::Layout { part: Part::Nonce });
        }
        let queries = self.layers.first().map_or(0, |layer| layer.values.len());
        let mut felts: Vec<Felt> = Vec::new();
        felts.extend([POW_BITS, self.log_blowup, self.log_clear].map(Felt::from));
        felts.extend([queries.into(), self.io, self.digests]);
        let mut tail: Vec<u32> = Vec::new();
        for layer in &self.layers {
            let [limb, limbs @ ..] = limbs(&layer.root);
            let [first, rest @ ..] = layer.challenge.coordinates().map(|c| c.value());
            felts.extend([limb, first].map(Felt::from));
            felts.extend(layer.values.iter().map(|value| Felt::from(*value)));
            tail.extend(limbs);
            tail.extend(rest);
        }
        tail.extend(limbs(&self.witness));
        tail.push(nonce);
        felts.extend(tail.into_iter().map(Felt::from));
        Ok(felts)
    }

    /// The parts and the nonce of a list that has the layout of a projection. Whether they are
    /// those of a proof is [`check_projection`]'s question.
    ///
    /// # Errors
    /// [`StarknetError::Layout`] names the first part that no projection has.
    pub fn parse(felts: &[Felt]) -> Result<(Self, u32), StarknetError> {
        let wrong = |part| StarknetError::Layout { part };
        let mut rest = felts.iter().copied();
        let mut next = |part| rest.next().ok_or(wrong(Part::Length)).map(|f| (f, part));
        let small = |(felt, part): (Felt, Part)| u32::try_from(felt).map_err(|_| wrong(part));
        let m31 = |felt| small(felt).and_then(|v| if v < P { Ok(v) } else { Err(wrong(felt.1)) });
        let [pow_bits, log_blowup, log_clear, queries] = [0, 1, 2, 3].map(Part::Parameter);
        if small(next(pow_bits)?)? != POW_BITS {
            return Err(wrong(pow_bits));
        }
        let log_blowup = small(next(log_blowup)?)?;
        let log_clear = small(next(log_clear)?)?;
        let count = small(next(queries)?)?;
        let parameters = Level::Onchain128.parameters();
        if count != u32::from(parameters.queries) {
            return Err(wrong(queries));
        }
        let (io, _) = next(Part::IoCommitment)?;
        let (digests, _) = next(Part::Digests)?;
        let mut heads = Vec::with_capacity(LAYERS);
        for layer in 0..LAYERS {
            let limb = m31(next(Part::Root { layer })?)?;
            let first = m31(next(Part::Challenge { layer })?)?;
            let values = (0..usize::from(parameters.queries))
                .map(|query| m31(next(Part::Value { layer, query })?))
                .collect::<Result<Vec<u32>, _>>()?;
            heads.push((limb, first, values));
        }
        let mut layers = Vec::with_capacity(LAYERS);
        for (layer, (limb, first, values)) in heads.into_iter().enumerate() {
            let (root, challenge) = (Part::Root { layer }, Part::Challenge { layer });
            let mut limbs = [limb; LIMBS];
            for limb in limbs.iter_mut().skip(1) {
                *limb = m31(next(root)?)?;
            }
            let mut coordinates = [first; 4];
            for coordinate in coordinates.iter_mut().skip(1) {
                *coordinate = m31(next(challenge)?)?;
            }
            layers.push(Layer {
                root: digest(&limbs).ok_or(wrong(root))?,
                challenge: QM31::from_coordinates(
                    coordinates.map(|c| crate::field::M31::new(c).unwrap_or_default()),
                ),
                values,
            });
        }
        let mut limbs = [0; LIMBS];
        for limb in &mut limbs {
            *limb = m31(next(Part::WitnessRoot)?)?;
        }
        let witness = digest(&limbs).ok_or(wrong(Part::WitnessRoot))?;
        let nonce = m31(next(Part::Nonce)?)?;
        let projection = Self {
            log_blowup,
            log_clear,
            io,
            digests,
            layers,
            witness,
        };
        // A nonce that does not suffice, felts after the last one, and limbs of too many bits all
        // give another list.
        let again = projection.felts(nonce)?;
        match again == felts {
            true => Ok((projection, nonce)),
            false => Err(wrong(Part::Length)),
        }
    }
}

/// Verifies the proof and checks that `felts` is its projection, with any sufficient nonce.
///
/// # Errors
/// Those of [`Projection::new`]; [`StarknetError::Projection`] names the first part that differs.
pub fn check_projection(
    vk: &Vk,
    statement: &Statement,
    proof: &Proof,
    felts: &[Felt],
) -> Result<(), StarknetError> {
    Projection::new(vk, statement, proof)?.compare(felts)
}

impl Projection {
    /// Compares a list with these parts.
    pub(super) fn compare(&self, felts: &[Felt]) -> Result<(), StarknetError> {
        let differs = |part| Err(StarknetError::Projection { part });
        let nonce = felts.last().and_then(|nonce| u32::try_from(*nonce).ok());
        let sufficient = nonce.filter(|nonce| nonce_is_sufficient(self.io, *nonce));
        // Any sufficient nonce serves to lay out the other parts.
        let expected = match sufficient.or_else(|| least_nonce(self.io)) {
            Some(nonce) => self.felts(nonce)?,
            None => return differs(Part::Nonce),
        };
        let pairs = expected.iter().zip(felts);
        if let Some(index) = pairs.clone().position(|(e, f)| e != f) {
            return differs(self.part(index));
        }
        match expected.len() == felts.len() {
            true => Ok(()),
            false => differs(Part::Length),
        }
    }

    /// The part that a felt belongs to.
    fn part(&self, index: usize) -> Part {
        let size = self.layers.first().map_or(0, |layer| layer.values.len());
        let size = size.saturating_add(2);
        let divide = |n: usize, by: usize| n.checked_div(by).zip(n.checked_rem(by));
        let Some(index) = index.checked_sub(FIRST_LAYER) else {
            return match index {
                4 => Part::IoCommitment,
                5 => Part::Digests,
                _ => Part::Parameter(index),
            };
        };
        if let Some((layer, place)) = divide(index, size).filter(|(l, _)| *l < self.layers.len()) {
            return match place {
                0 => Part::Root { layer },
                1 => Part::Challenge { layer },
                _ => Part::Value {
                    layer,
                    query: place.saturating_sub(2),
                },
            };
        }
        let index = index.saturating_sub(size.saturating_mul(self.layers.len()));
        if let Some((layer, place)) = divide(index, TAIL).filter(|(l, _)| *l < self.layers.len()) {
            return match place.saturating_add(1) < LIMBS {
                true => Part::Root { layer },
                false => Part::Challenge { layer },
            };
        }
        match index.saturating_sub(TAIL.saturating_mul(self.layers.len())) < LIMBS {
            true => Part::WitnessRoot,
            false => Part::Nonce,
        }
    }
}

/// Whether the contract takes a nonce: `1 <= nonce < 2^31 - 1`, `poseidon([io, nonce]) < 2^240`.
pub fn nonce_is_sufficient(io: Felt, nonce: u32) -> bool {
    nonce < P && work_is_done(io, nonce.into(), POW_BITS)
}

/// The least sufficient nonce, after about two thousand hashes.
pub fn least_nonce(io: Felt) -> Option<u32> {
    (1..P).find(|nonce| nonce_is_sufficient(io, *nonce))
}

fn layers(proof: &Proof, folds: &Folds) -> Result<Vec<Layer>, StarknetError> {
    let challenges = folds.challenges.iter().skip(1);
    let words = proof.opening.caps.iter().zip(challenges).take(LAYERS);
    let layers = words.enumerate().map(|(number, (cap, challenges))| {
        let value = |values: &Vec<QM31>| values.get(number).map(|v| v.coordinates()[0].value());
        Ok(Layer {
            root: root(cap)?,
            challenge: *challenges.first().ok_or(crate::VerifyError::Shape)?,
            values: (folds.values.iter().map(value).collect::<Option<_>>())
                .ok_or(crate::VerifyError::Shape)?,
        })
    });
    layers.collect()
}

/// The cap hashed up to one node.
fn root(cap: &[Digest]) -> Result<Digest, StarknetError> {
    Ok(merkle::block_root(cap).ok_or(crate::VerifyError::Shape)?)
}

/// The halves of a digest, read as a little-endian integer, low half first.
fn halves(digest: &Digest) -> [Felt; 2] {
    let mut halves = digest.0.as_chunks::<16>().0.iter();
    core::array::from_fn(|_| {
        let half = halves.next().copied().unwrap_or_default();
        Felt::from(u128::from_le_bytes(half))
    })
}

/// The nine limbs of a digest, read as a little-endian integer, least first.
fn limbs(digest: &Digest) -> [u32; LIMBS] {
    let mut bits = 0u64;
    let mut held = 0u32;
    let mut bytes = digest.0.iter();
    core::array::from_fn(|_| {
        while held < LIMB_BITS {
            let byte = bytes.next().copied().unwrap_or(0);
            bits |= u64::from(byte).checked_shl(held).unwrap_or(0);
            held = held.saturating_add(8);
        }
        let limb = bits & 0x3fff_ffff;
        bits >>= LIMB_BITS;
        held = held.saturating_sub(LIMB_BITS);
        u32::try_from(limb).unwrap_or(0)
    })
}

/// The digest of nine limbs, if they are those of one.
fn digest(limbs_: &[u32; LIMBS]) -> Option<Digest> {
    let mut digest = Digest::default();
    let (mut bits, mut held) = (0u64, 0u32);
    let mut rest = limbs_.iter();
    for byte in &mut digest.0 {
        if held < 8 {
            bits |= u64::from(*rest.next()?).checked_shl(held)?;
            held = held.saturating_add(LIMB_BITS);
        }
        *byte = u8::try_from(bits & 0xff).ok()?;
        bits >>= 8;
        held = held.saturating_sub(8);
    }
    (limbs(&digest) == *limbs_).then_some(digest)
}
