//! The Fiat-Shamir transcript, shared by prover and verifier.
//!
//! The state is a Blake2s-256 digest. Absorbing hashes `state, 0, label, length, data`; drawing
//! hashes `state, 1, label` into a new state and derives the value from it, so two different
//! histories of absorptions and draws never meet in one state short of a hash collision. Every
//! operation carries a [`Label`]; the order is that of `docs/protocol.md`.

use alloc::vec::Vec;

use crate::field::{M31, QM31};
use crate::hash::{self, Digest};

/// Names every absorption and every draw.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
#[allow(missing_docs)]
pub enum Label {
    VkDigest = 1,
    Input = 2,
    Output = 3,
    WitnessCap = 4,
    LookupNonce = 5,
    LookupChallenge = 6,
    LookupBatch = 8,
    LookupRound = 9,
    LookupLayer = 10,
    LookupColumns = 11,
    CellPoint = 12,
    ContractionValues = 13,
    ContractionBatch = 14,
    ContractionRound = 15,
    ContractionEnd = 16,
    ReductionBatch = 17,
    ReductionRound = 18,
    ReductionEnd = 19,
    JoinChallenge = 20,
    FoldingRound = 21,
    LayerCap = 22,
    ClearPolynomial = 23,
    QueryNonce = 24,
    Queries = 25,
    ProximityNonce = 26,
}

impl Label {
    #[allow(clippy::as_conversions)] // the discriminant of a `repr(u8)` enumeration
    fn tag(self) -> u8 {
        self as u8
    }
}

/// One operation of a transcript, as [`Transcript::events`] records it.
#[cfg(feature = "test-transcript")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Data entered the state.
    Absorb(Label, Vec<u8>),
    /// A challenge was drawn.
    Draw(Label),
}

/// The running state of the argument.
#[derive(Clone, Debug)]
pub struct Transcript {
    state: Digest,
    /// Everything that happened so far.
    #[cfg(feature = "test-transcript")]
    pub events: Vec<Event>,
}

/// Identifies the protocol and its version; the initial state is its hash.
pub const PROTOCOL: &[u8] = b"stwo-ml proof of inference, version 1";

impl Default for Transcript {
    fn default() -> Self {
        Self {
            state: hash::blake2s(&[PROTOCOL]),
            #[cfg(feature = "test-transcript")]
            events: Vec::new(),
        }
    }
}

impl Transcript {
    /// A transcript that has absorbed the protocol's name only.
    pub fn new() -> Self {
        Self::default()
    }

    /// Absorbs bytes.
    pub fn absorb(&mut self, label: Label, data: &[u8]) {
        #[cfg(feature = "test-transcript")]
        self.events.push(Event::Absorb(label, data.to_vec()));
        let length = u64::try_from(data.len()).unwrap_or(u64::MAX).to_le_bytes();
        self.state = hash::blake2s(&[&self.state.0, &[0, label.tag()], &length, data]);
    }

    /// Absorbs extension-field elements.
    pub fn absorb_elements(&mut self, label: Label, elements: &[QM31]) {
        let bytes: Vec<u8> = elements.iter().flat_map(QM31::to_bytes).collect();
        self.absorb(label, &bytes);
    }

    /// Absorbs digests.
    pub fn absorb_digests(&mut self, label: Label, digests: &[Digest]) {
        let bytes: Vec<u8> = digests.iter().flat_map(|d| d.0).collect();
        self.absorb(label, &bytes);
    }

    fn draw(&mut self, label: Label) -> Digest {
        #[cfg(feature = "test-transcript")]
        self.events.push(Event::Draw(label));
        self.state = hash::blake2s(&[&self.state.0, &[1, label.tag()]]);
        // The value is not the state itself, so that publishing it says nothing of the state.
        hash::blake2s(&[&self.state.0, &[2, label.tag()]])
    }

    /// Draws an extension-field element. Each coordinate is a 64-bit integer modulo `p`: every
    /// value has probability `2^-31` up to a factor of `1 + 2^-32`.
    pub fn challenge(&mut self, label: Label) -> QM31 {
        let bytes = self.draw(label).0;
        let mut words = bytes
            .as_chunks::<8>()
            .0
            .iter()
            .map(|w| M31::reduce(u64::from_le_bytes(*w)));
        QM31::from_coordinates(core::array::from_fn(|_| words.next().unwrap_or_default()))
    }

    /// Draws `count` extension-field elements.
    pub fn challenges(&mut self, label: Label, count: usize) -> Vec<QM31> {
        (0..count).map(|_| self.challenge(label)).collect()
    }

    /// Draws `count` integers below `2^bits`, `bits <= 32`, independently.
    pub fn positions(&mut self, label: Label, count: usize, bits: u32) -> Vec<u32> {
        let mask = u32::MAX
            .checked_shr(32u32.saturating_sub(bits))
            .unwrap_or(0);
        let mut positions = Vec::with_capacity(count);
        while positions.len() < count {
            let bytes = self.draw(label).0;
            let words = bytes
                .as_chunks::<4>()
                .0
                .iter()
                .map(|w| u32::from_le_bytes(*w) & mask);
            positions.extend(words.take(count.saturating_sub(positions.len())));
        }
        positions
    }

    /// The seed over which the prover searches for a nonce before a challenge.
    pub fn grind_seed(&mut self, label: Label) -> Digest {
        self.draw(label)
    }

    /// Checks the nonce of a proof of work of `bits` bits and absorbs it.
    pub fn grind(&mut self, label: Label, bits: u32, nonce: u64) -> bool {
        let seed = self.grind_seed(label);
        self.absorb(label, &nonce.to_le_bytes());
        hash::grind_ok(&seed, bits, nonce)
    }
}
