//! Why nothing is submitted.

use core::fmt;

use crate::error::VerifyError;

/// A part of `proof_data`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The number of felts.
    Length,
    /// One of the four parameters, by index.
    Parameter(usize),
    /// The input-output commitment.
    IoCommitment,
    /// The hash of the digests of model and proof.
    Digests,
    /// The root of a committed folded word.
    Root {
        /// Number of the word.
        layer: usize,
    },
    /// The challenge that folds a word first.
    Challenge {
        /// Number of the word.
        layer: usize,
    },
    /// The value of a word at a query.
    Value {
        /// Number of the word.
        layer: usize,
        /// Number of the query.
        query: usize,
    },
    /// The root of the witness.
    WitnessRoot,
    /// The contract's own nonce.
    Nonce,
}

/// Why a submission is not built, or what is wrong with one.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StarknetError {
    /// The proof does not verify: there is nothing to submit.
    Verify(VerifyError),
    /// The key has another level than `onchain128`: the contract wants an even number of queries
    /// that make 128 bits with the logarithm of the blow-up, and four folded words.
    Level {
        /// The key's level.
        got: &'static str,
    },
    /// The input-output commitment is defined for one input and one output.
    Ports {
        /// Inputs of the key.
        inputs: usize,
        /// Outputs of the key.
        outputs: usize,
    },
    /// The input-output commitment is defined for tensors of at least one axis.
    Scalar,
    /// A felt that the contract wants to differ from zero is zero. The prover starts again with
    /// the next nonce of its proof of work.
    Zero {
        /// Where.
        part: Part,
    },
    /// The point that the contract derives from felts 4 and 5 is 0, 1 or -1. The prover starts
    /// again with the next nonce of its proof of work.
    Point,
    /// `proof_data` is not the projection of the proof.
    Projection {
        /// The first part that differs.
        part: Part,
    },
    /// `proof_data` has not the layout of a projection.
    Layout {
        /// The part that is wrong.
        part: Part,
    },
    /// The contract would not accept the proof, although it is valid.
    Refused {
        /// The contract's reason.
        reason: &'static str,
    },
    /// A value has too many bits.
    Range {
        /// The value.
        what: &'static str,
        /// Most bits.
        bits: u32,
    },
    /// A value that must not be zero is zero.
    Missing {
        /// The value.
        what: &'static str,
    },
    /// A transaction has too many felts of calldata.
    Calldata {
        /// Most felts.
        limit: usize,
        /// Its felts.
        got: usize,
    },
    /// `proof_data` has more felts than a block lets the contract store.
    Stored {
        /// Most felts.
        limit: usize,
        /// Its felts.
        got: usize,
    },
    /// A list of calls ends early, goes on, or is not the four calls in their order.
    Calls {
        /// What is wrong.
        rule: &'static str,
    },
    /// The shares of a fee do not add up, as the contract demands.
    Fees {
        /// The contract's reason.
        reason: &'static str,
    },
    /// A text is no felt: `0x`, hexadecimal digits, below the modulus.
    Felt,
    /// A text is no integer from 0 to `2^256 - 1`, in decimal or as `0x` and hexadecimal digits.
    Number,
    /// A text is no decimal number with at most this many digits behind the point.
    Amount {
        /// Most digits.
        decimals: usize,
    },
    /// No short string: more than 31 characters, or not ASCII.
    ShortString,
}

macro_rules! codes {
    ($($variant:ident = $code:literal,)+) => {
        impl StarknetError {
            /// The codes of all variants but [`Verify`](Self::Verify), in declaration order.
            pub const CODES: &'static [&'static str] = &[$($code),+];

            /// Stable machine-readable name of the error.
            pub fn code(&self) -> &'static str {
                match self {
                    Self::Verify(error) => error.code(),
                    $(Self::$variant { .. } => $code,)+
                }
            }
        }
    };
}

codes! {
    Level = "onchain_level",
    Ports = "io_ports",
    Scalar = "io_scalar",
    Zero = "zero_slot",
    Point = "contract_point",
    Projection = "not_the_projection",
    Layout = "proof_data_layout",
    Refused = "contract_refuses",
    Range = "range",
    Missing = "missing",
    Calldata = "calldata_limit",
    Stored = "stored_limit",
    Calls = "calls",
    Fees = "fees",
    Felt = "felt",
    Number = "number",
    Amount = "amount",
    ShortString = "short_string",
}

impl From<VerifyError> for StarknetError {
    fn from(error: VerifyError) -> Self {
        Self::Verify(error)
    }
}

impl fmt::Display for StarknetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Verify(error) => write!(f, "the proof does not verify: {error}"),
            Self::Level { got } => write!(
                f,
                "the key has level {got}; the contract counts log_blowup * queries + 12 >= 128, an even number of queries and four folded words: compile the model with --level onchain128"
            ),
            Self::Ports { inputs, outputs } => write!(
                f,
                "the input-output commitment is defined for one input and one output; the model has {inputs} and {outputs}"
            ),
            Self::Scalar => f.write_str(
                "the input-output commitment is defined for tensors of at least one axis",
            ),
            Self::Zero { part } => write!(
                f,
                "{part:?} of proof_data is zero, which the contract refuses: prove again with the next nonce"
            ),
            Self::Point => f.write_str(
                "the contract's out-of-domain point would be 0, 1 or -1: prove again with the next nonce",
            ),
            Self::Projection { part } => {
                write!(f, "proof_data is not that of this proof: {part:?} differs")
            }
            Self::Layout { part } => {
                write!(f, "proof_data has not the layout of a projection: {part:?}")
            }
            Self::Refused { reason } => write!(
                f,
                "the proof is valid, but the contract would answer '{reason}'"
            ),
            Self::Range { what, bits } => write!(f, "{what}: it has more than {bits} bits"),
            Self::Missing { what } => write!(f, "{what}: it must not be zero"),
            Self::Calldata { limit, got } => write!(
                f,
                "the transaction has {got} felts of calldata; the network admits {limit}"
            ),
            Self::Stored { limit, got } => write!(
                f,
                "proof_data has {got} felts; a block lets the contract store about {limit}"
            ),
            Self::Calls { rule } => write!(f, "these are not the calls of a submission: {rule}"),
            Self::Fees { reason } => f.write_str(reason),
            Self::Felt => f.write_str(
                "a felt is 0x and hexadecimal digits of a number below the field's modulus",
            ),
            Self::Number => f.write_str(
                "an integer is 0 to 2^256 - 1, in decimal or as 0x and hexadecimal digits",
            ),
            Self::Amount { decimals } => write!(
                f,
                "an amount is decimal, such as 1.5, with at most {decimals} digits behind the point"
            ),
            Self::ShortString => {
                f.write_str("a short string has at most 31 characters, all of them ASCII")
            }
        }
    }
}

impl core::error::Error for StarknetError {}
