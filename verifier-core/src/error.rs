//! Every way in which a proof, a statement or a key is refused.

use core::fmt;

/// The kind of fault behind a [`VerifyError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stage {
    /// The bytes are not an encoding.
    Decode,
    /// The verifying key is not one that this verifier trusts to be well-formed.
    Key,
    /// The public tensors are not admitted by the key.
    Statement,
    /// A check of the argument failed: the proof is false.
    Soundness,
}

macro_rules! verify_errors {
    ($($(#[$doc:meta])* $name:ident $({ $($field:ident: $ty:ty),+ })? = $code:literal, $stage:ident;)+) => {
        /// Why verification failed. Every variant has a stable [`code`](Self::code).
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum VerifyError {
            $($(#[$doc])* #[allow(missing_docs)] $name $({ $($field: $ty),+ })?,)+
        }

        impl VerifyError {
            /// All codes, in declaration order.
            pub const CODES: &'static [&'static str] = &[$($code),+];

            /// Stable machine-readable name of the error.
            pub fn code(&self) -> &'static str {
                match self { $(Self::$name { .. } => $code,)+ }
            }

            /// The kind of fault.
            pub fn stage(&self) -> Stage {
                match self { $(Self::$name { .. } => Stage::$stage,)+ }
            }
        }
    };
}

verify_errors! {
    /// The bytes end before the value does.
    Truncated = "truncated", Decode;
    /// Bytes remain after the value.
    TrailingBytes { count: usize } = "trailing_bytes", Decode;
    /// The file is not of the expected kind.
    WrongMagic = "wrong_magic", Decode;
    /// The file has a version that this verifier does not read.
    UnsupportedVersion { got: u16 } = "unsupported_version", Decode;
    /// The file exceeds the size limit.
    TooLarge { limit: usize, got: usize } = "too_large", Decode;
    /// A field element is not below the modulus.
    NonCanonical = "non_canonical", Decode;
    /// The digest at the end of a file does not match its content.
    DigestMismatch = "digest_mismatch", Decode;
    /// An enumeration or text holds a value that is not defined.
    UndefinedValue = "undefined_value", Decode;

    /// The security level is unknown to this verifier, or a test level.
    UnknownLevel { got: u8 } = "unknown_level", Key;
    /// A relation of the key is ill-formed. The parameter names the rule.
    InvalidKey { rule: &'static str } = "invalid_key", Key;
    /// The integers of a relation could differ by a multiple of the modulus.
    PossibleWrap { rule: &'static str, index: usize } = "possible_wrap", Key;

    /// The number of public tensors, or of their values, is not the key's.
    StatementShape { expected: usize, got: usize } = "statement_shape", Statement;
    /// A public integer lies outside the range that the key admits.
    StatementRange { port: usize, index: usize } = "statement_range", Statement;

    /// The proof of work before the lookup challenge is insufficient.
    LookupGrind = "lookup_grind", Soundness;
    /// The fractions of the lookups do not sum to zero.
    LookupSum = "lookup_sum", Soundness;
    /// A fraction of the lookups has a zero denominator.
    LookupDenominator = "lookup_denominator", Soundness;
    /// A sumcheck round of the lookup argument contradicts its claim.
    LookupRound { layer: usize, round: usize } = "lookup_round", Soundness;
    /// The end of a layer of the lookup argument contradicts its claim.
    LookupLayer { layer: usize } = "lookup_layer", Soundness;
    /// The claimed columns do not give the leaves of the lookup argument.
    LookupLeaves = "lookup_leaves", Soundness;
    /// A sumcheck round of the bilinear terms contradicts its claim.
    ContractionRound { round: usize } = "contraction_round", Soundness;
    /// The end of the sumcheck of the bilinear terms contradicts its claim.
    ContractionEnd = "contraction_end", Soundness;
    /// A sumcheck round of the claim reduction contradicts its claim.
    ReductionRound { round: usize } = "reduction_round", Soundness;
    /// The end of the claim reduction contradicts its claim.
    ReductionEnd = "reduction_end", Soundness;
    /// The proof of work before a proximity challenge is insufficient.
    ProximityGrind { index: usize } = "proximity_grind", Soundness;
    /// A folding round contradicts the opening claim.
    FoldingRound { round: usize } = "folding_round", Soundness;
    /// The clear polynomial contradicts the opening claim.
    ClearPolynomial = "clear_polynomial", Soundness;
    /// The proof of work before the queries is insufficient.
    QueryGrind = "query_grind", Soundness;
    /// A queried row of the witness is not under its commitment.
    WitnessPath { query: usize } = "witness_path", Soundness;
    /// A queried row of the weights is not under the key's commitment.
    WeightsPath { query: usize } = "weights_path", Soundness;
    /// A queried coset of a folded word is not under its commitment.
    LayerPath { query: usize, layer: usize } = "layer_path", Soundness;
    /// A folded word does not hold the fold of the word before it.
    Folding { query: usize, layer: usize } = "folding", Soundness;
    /// The last folded value is not the clear polynomial's.
    LastFold { query: usize } = "last_fold", Soundness;
    /// The verifier's own bookkeeping disagrees with the decoded shape.
    Shape = "shape", Soundness;
}

impl fmt::Display for VerifyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({:?})", self.code(), self)
    }
}

impl core::error::Error for VerifyError {}
