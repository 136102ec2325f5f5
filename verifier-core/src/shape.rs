//! Everything about a proof that follows from the key alone: the number of rounds, the place of
//! every fraction, the folding schedule, the height of every tree.

use alloc::vec::Vec;

use crate::security::{Parameters, ceil_log2};
use crate::vk::{Expression, Oracle, TableOutput, Term, Vk};

/// Rounds of folding after which the rest is sent in clear: at most this many variables.
pub const MAX_LOG_CLEAR: u8 = 6;
/// Base-two logarithm of the points of a coset of a folded word.
const LOG_LAYER_COSET: u8 = 4;
/// Nodes of a Merkle cap, base-two logarithm, unless the tree is smaller.
const LOG_CAP: u8 = 5;

/// What a block of fractions of the lookup argument stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockKind {
    /// The cells of a lookup; the numerators are 1.
    Lookup(usize),
    /// The rows of a table; the numerators are minus the multiplicities.
    Table(usize),
}

/// An aligned run of `2^log_size` leaves of the lookup argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// What the leaves stand for.
    pub kind: BlockKind,
    /// Base-two logarithm of the number of leaves.
    pub log_size: u8,
    /// First leaf.
    pub offset: u32,
}

/// One committed word of the opening: how it is cut into leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Word {
    /// Base-two logarithm of the word's length.
    pub log_length: u8,
    /// Base-two logarithm of the points of a coset, which is folded at once.
    pub log_coset: u8,
    /// Base-two logarithm of the nodes of the Merkle cap.
    pub log_cap: u8,
}

impl Word {
    fn new(log_length: u8, log_coset: u8) -> Self {
        let height = log_length.saturating_sub(log_coset);
        Self {
            log_length,
            log_coset,
            log_cap: height.min(LOG_CAP),
        }
    }

    /// Base-two logarithm of the number of cosets.
    pub fn log_cosets(&self) -> u8 {
        self.log_length.saturating_sub(self.log_coset)
    }

    /// Digests on the path from a coset to the cap.
    pub fn path_length(&self) -> usize {
        self.log_cosets().saturating_sub(self.log_cap).into()
    }

    /// Nodes of the cap.
    pub fn cap_length(&self) -> usize {
        power(self.log_cap.into())
    }

    /// Points of a coset.
    pub fn coset_length(&self) -> usize {
        power(self.log_coset.into())
    }
}

/// `2^exponent`, or zero where that is no `usize`: a length that no proof has.
pub fn power(exponent: u32) -> usize {
    1usize.checked_shl(exponent).unwrap_or(0)
}

/// The shape of the proofs under a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Variables of a column of an oracle.
    pub log_rows: u8,
    /// Base-two logarithm of the columns of the witness oracle.
    pub log_witness_columns: u8,
    /// Base-two logarithm of the columns of the weight oracle.
    pub log_weight_columns: u8,
    /// Blocks of fractions, in the order of their leaves.
    pub blocks: Vec<Block>,
    /// Base-two logarithm of the number of leaves of the lookup argument, at least 1.
    pub log_leaves: u32,
    /// Number of column values that end the lookup argument.
    pub columns: usize,
    /// Coordinates of the point at which public tensors and vanishing expressions are read.
    pub cell_rounds: usize,
    /// Number of bilinear terms.
    pub bilinear: usize,
    /// Rounds of their sumcheck.
    pub contraction_rounds: usize,
    /// Claims on the oracles.
    pub claims: usize,
    /// Rounds of the claim reduction.
    pub reduction_rounds: usize,
    /// The words of the opening: the oracles' codewords, then the committed folds.
    pub words: Vec<Word>,
    /// Variables of the clear polynomial.
    pub log_clear: u8,
    /// Number of nonces of proofs of work before proximity challenges.
    pub proximity_nonces: usize,
}

impl Shape {
    /// Derives the shape.
    pub fn new(vk: &Vk) -> Self {
        let parameters = vk.level.parameters();
        let blocks = blocks(vk);
        let leaves = blocks.last().map_or(0, |b| {
            u64::from(b.offset).saturating_add(1u64.checked_shl(b.log_size.into()).unwrap_or(0))
        });
        let log_leaves = ceil_log2(leaves).max(1);
        let lookups = vk
            .lookups
            .iter()
            .map(|l| 1usize.saturating_add(l.output.iter().count()));
        let tables = vk.tables.iter().map(|t| match t.output {
            TableOutput::Column(_) => 2,
            _ => 1,
        });
        let columns = lookups.chain(tables).fold(0usize, usize::saturating_add);
        let bilinear: Vec<&Term> = bilinear_terms(vk).collect();
        let log_size = |t: u32| -> usize {
            let tensor = usize::try_from(t).ok().and_then(|i| vk.tensors.get(i));
            tensor.map_or(0, |t| t.log_size.into())
        };
        let ports = vk.inputs.iter().chain(&vk.outputs);
        let cells = ports.clone().map(|p| log_size(p.tensor));
        let zeros = vk.zeros.iter().map(|z| usize::from(z.log_size));
        let claims = [
            columns,
            vk.zeros.len(),
            ports.count(),
            bilinear.len().saturating_mul(2),
        ];
        let widest = vk.log_witness_columns.max(vk.log_weight_columns);
        let (words, log_clear) = schedule(parameters, vk.log_rows);
        let folds = vk.log_rows.saturating_sub(log_clear);
        Self {
            log_rows: vk.log_rows,
            log_witness_columns: vk.log_witness_columns,
            log_weight_columns: vk.log_weight_columns,
            columns,
            blocks,
            log_leaves,
            cell_rounds: cells.chain(zeros).max().unwrap_or(0),
            bilinear: bilinear.len(),
            contraction_rounds: bilinear
                .iter()
                .map(|t| log_size(t.right))
                .max()
                .unwrap_or(0),
            claims: claims.into_iter().fold(0usize, usize::saturating_add),
            reduction_rounds: usize::from(vk.log_rows).saturating_add(widest.into()),
            words,
            log_clear,
            proximity_nonces: match parameters.proximity_grind {
                0 => 0,
                _ => usize::from(widest)
                    .saturating_add(folds.into())
                    .saturating_add(1),
            },
        }
    }

    /// Base-two logarithm of the columns of the wider oracle.
    pub fn log_columns(&self) -> u8 {
        self.log_witness_columns.max(self.log_weight_columns)
    }

    /// Base-two logarithm of the columns of an oracle.
    pub fn log_columns_of(&self, oracle: Oracle) -> u8 {
        match oracle {
            Oracle::Witness => self.log_witness_columns,
            Oracle::Weights => self.log_weight_columns,
        }
    }

    /// The sum over all challenges of the algebraic checks (sumchecks, batchings, points) of the
    /// degree of the polynomial that would have to vanish there: the numerator of the union
    /// bound over the field.
    pub fn algebraic_terms(&self) -> u64 {
        let depth = u64::from(self.log_leaves);
        // A layer of i rounds of degree 3, a batching and the coordinate that joins halves.
        let layers = (0..depth).map(|i| i.saturating_mul(3).saturating_add(2));
        let count = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
        let others = [
            count(self.cell_rounds),
            count(self.bilinear),
            count(self.contraction_rounds).saturating_mul(2),
            count(self.claims),
            count(self.reduction_rounds).saturating_mul(2),
            u64::from(self.log_rows).saturating_add(1),
        ];
        layers.chain(others).fold(0, u64::saturating_add)
    }
}

/// Every bilinear term in the order of the transcript, with nothing else.
pub fn bilinear_terms(vk: &Vk) -> impl Iterator<Item = &Term> {
    expressions(vk)
        .flat_map(|e| &e.terms)
        .filter(|t| t.left.is_some())
}

/// Every expression in the order of the transcript: each lookup's columns, then the zeros.
pub fn expressions(vk: &Vk) -> impl Iterator<Item = &Expression> {
    let lookups = vk
        .lookups
        .iter()
        .flat_map(|l| core::iter::once(&l.input).chain(&l.output));
    lookups.chain(vk.zeros.iter().map(|z| &z.expression))
}

/// Places the blocks by falling size, so that each is aligned; equal sizes keep the key's order.
fn blocks(vk: &Vk) -> Vec<Block> {
    let lookups = vk
        .lookups
        .iter()
        .enumerate()
        .map(|(i, l)| (BlockKind::Lookup(i), l.log_size));
    let tables = vk
        .tables
        .iter()
        .enumerate()
        .map(|(i, t)| (BlockKind::Table(i), t.log_size));
    let mut blocks: Vec<_> = lookups.chain(tables).collect();
    blocks.sort_by_key(|(_, log_size)| core::cmp::Reverse(*log_size));
    let mut offset = 0u32;
    let place = |(kind, log_size): (BlockKind, u8)| {
        let block = Block {
            kind,
            log_size,
            offset,
        };
        offset = offset.saturating_add(1u32.checked_shl(log_size.into()).unwrap_or(u32::MAX));
        block
    };
    blocks.into_iter().map(place).collect()
}

fn schedule(parameters: Parameters, log_rows: u8) -> (Vec<Word>, u8) {
    let mut length = log_rows.saturating_add(parameters.log_blowup);
    let mut left = log_rows;
    let mut coset = parameters.log_coset;
    let mut owed = parameters.folded_words;
    let mut words = Vec::new();
    loop {
        words.push(Word::new(length, coset));
        length = length.saturating_sub(coset);
        left = left.saturating_sub(coset);
        if left <= MAX_LOG_CLEAR && owed == 0 {
            return (words, left);
        }
        // Words that a level asks for share the variables; every key has one for each.
        coset = LOG_LAYER_COSET.min(left.checked_div(owed).unwrap_or(left));
        owed = owed.saturating_sub(1);
    }
}
