//! Decoded instructions. Operands are register numbers; immediates and special registers are registers too.

/// A register number in the file that the operation implies.
pub(crate) type Register = u16;

/// One decoded instruction.
#[derive(Clone, Debug)]
pub(crate) struct Instruction {
    pub(crate) operation: Operation,
    /// Runs in the lanes where this predicate holds; `None`: in all.
    pub(crate) guard: Option<Predicate>,
    /// Line of the PTX.
    pub(crate) line: u32,
    /// File number and line of the source, innermost inlined function first; 0 when unknown.
    pub(crate) location: Location,
    /// The same in the file of the kernel, where the inlined function was called.
    pub(crate) caller: Location,
}

/// A source line; `file` counts from 1, 0 means unknown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Location {
    pub(crate) file: u16,
    pub(crate) line: u32,
}

/// A predicate register, possibly negated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Predicate {
    pub(crate) register: Register,
    pub(crate) negated: bool,
}

/// Width and signedness of integers. Those of 8 and 16 bits live in 32-bit registers, zero-extended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kind {
    /// 8, 16, 32 or 64.
    pub(crate) bits: u8,
    pub(crate) signed: bool,
}

/// Operations of one result and one operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unary {
    Move,
    Not,
    Negate,
    Absolute,
    ReverseBits,
    /// The result has 32 bits, whatever the operand.
    CountOnes,
    CountLeadingZeros,
    FindLeadingOne,
}

/// Operations of two operands of one kind; a shift's amount is a 32-bit register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Binary {
    Add,
    Subtract,
    MultiplyLow,
    MultiplyHigh,
    Divide,
    Remainder,
    Minimum,
    Maximum,
    And,
    Or,
    Xor,
    ShiftLeft,
    ShiftRight,
}

/// Operations of three 32-bit operands (64-bit for `Add`: a * b + c in the low half).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ternary {
    MultiplyAddLow,
    MultiplyAddHigh,
    /// Shift of a double word `b:a` by `c`; wraps at 32 or clamps there.
    FunnelLeft {
        clamp: bool,
    },
    FunnelRight {
        clamp: bool,
    },
    /// The truth table of three bits.
    Logic(u8),
    /// Bytes of `b:a` chosen by the nibbles of `c`.
    Permute,
}

/// Comparisons.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
}

/// Operations on predicates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Logic {
    And,
    Or,
    Xor,
}

/// Where a load or store goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Space {
    /// Decided by the address.
    Generic,
    Global,
    Shared,
    Local,
    Constant,
    Parameter,
}

/// An address: a register (32 or 64 bits) plus an offset, or the offset alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) space: Space,
    pub(crate) base: Base,
    pub(crate) offset: i64,
}

/// The register part of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Base {
    None,
    Word(Register),
    Double(Register),
}

/// Read-modify-write operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Atomic {
    Add,
    Minimum,
    Maximum,
    And,
    Or,
    Xor,
    Exchange,
    CompareAndSwap,
}

/// Which lane a shuffle reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shuffle {
    Up,
    Down,
    Butterfly,
    Index,
}

/// What a vote returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Vote {
    Ballot,
    Any,
    All,
}

/// Registers whose value the launch decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Special {
    /// Thread in the block, by axis.
    Thread(u8),
    /// Threads of a block, by axis.
    Threads(u8),
    /// Block in the grid, by axis.
    Block(u8),
    /// Blocks of the grid, by axis.
    Blocks(u8),
    /// Lane in the warp.
    Lane,
}

/// What an instruction does. `d` is the result's register.
#[derive(Clone, Debug)]
pub(crate) enum Operation {
    Unary {
        op: Unary,
        kind: Kind,
        d: Register,
        a: Register,
    },
    Binary {
        op: Binary,
        kind: Kind,
        d: Register,
        a: Register,
        b: Register,
    },
    Ternary {
        op: Ternary,
        kind: Kind,
        d: Register,
        a: Register,
        b: Register,
        c: Register,
    },
    /// Bits of `a` from `position`, `length` of them, extended as the kind says.
    ExtractField {
        kind: Kind,
        d: Register,
        a: Register,
        position: Register,
        length: Register,
    },
    /// The bits of `a` inserted into `b` at `position`, `length` of them.
    InsertField {
        d: Register,
        a: Register,
        b: Register,
        position: Register,
        length: Register,
    },
    /// The whole product, twice as wide, plus `c` if given.
    MultiplyWide {
        kind: Kind,
        d: Register,
        a: Register,
        b: Register,
        c: Option<Register>,
    },
    /// Sum or difference with the carry of the one before, and leaving one for the next.
    Carry {
        subtract: bool,
        bits: u8,
        takes: bool,
        leaves: bool,
        d: Register,
        a: Register,
        b: Register,
    },
    /// `wide`: the operand is a 64-bit register of which `from` is the low part.
    Convert {
        to: Kind,
        from: Kind,
        wide: bool,
        d: Register,
        a: Register,
    },
    Compare {
        op: Comparison,
        kind: Kind,
        d: Register,
        a: Register,
        b: Register,
        with: Option<(Logic, Predicate)>,
    },
    Select {
        bits: u8,
        d: Register,
        a: Register,
        b: Register,
        by: Predicate,
    },
    Predicates {
        op: Logic,
        d: Register,
        a: Predicate,
        b: Predicate,
    },
    /// Two halves into a register of twice their width.
    Pack {
        bits: u8,
        d: Register,
        low: Register,
        high: Register,
    },
    /// A register into its halves; a result may be left out.
    Unpack {
        bits: u8,
        low: Option<Register>,
        high: Option<Register>,
        a: Register,
    },
    /// `count` values of `kind`; `wide`: into 64-bit registers, whatever the kind.
    Load {
        kind: Kind,
        count: u8,
        wide: bool,
        d: [Register; 4],
        from: Address,
        volatile: bool,
    },
    Store {
        kind: Kind,
        count: u8,
        wide: bool,
        a: [Register; 4],
        to: Address,
        volatile: bool,
    },
    Atomic {
        op: Atomic,
        kind: Kind,
        d: Option<Register>,
        at: Address,
        a: Register,
        b: Register,
    },
    Shuffle {
        op: Shuffle,
        d: Register,
        valid: Option<Register>,
        a: Register,
        b: Register,
        c: Register,
        mask: Register,
    },
    Vote {
        op: Vote,
        d: Register,
        a: Predicate,
        mask: Register,
    },
    ActiveMask {
        d: Register,
    },
    Barrier,
    WarpBarrier {
        mask: Register,
    },
    Fence,
    Branch {
        target: u32,
    },
    /// A jump table.
    BranchIndexed {
        index: Register,
        targets: Box<[u32]>,
    },
    Return,
    Trap,
}
