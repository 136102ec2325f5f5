//! PTX text to decoded kernels: what clang's NVPTX target emits for integer kernels, and an error for anything else.
//!
//! Everything is resolved once, at load time: registers to indices, labels to instruction numbers,
//! immediates to registers that hold them in every lane. The interpreter sees no text.

mod compound;
mod decode;
mod kernel;
mod module;
mod operands;
pub(crate) mod operation;
mod statement;
mod tokens;

use std::sync::Arc;

use operation::Instruction;

/// Why a text cannot be loaded: the line of the PTX and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum LoadError {
    /// The text asks for a newer PTX than this driver takes.
    #[error("PTX version {found} is newer than this driver's {supported}")]
    Version { found: u32, supported: u32 },
    /// The text is for a processor newer than sm_90, or names none.
    #[error("the target `{0}` is none that this driver runs")]
    Target(String),
    /// A statement that is no PTX, or none that clang emits for integer kernels.
    #[error("PTX line {line}: {reason}")]
    Statement { line: u32, reason: String },
}

/// A loaded PTX text.
#[derive(Debug)]
pub(crate) struct Module {
    /// Its kernels, in the order of the text.
    pub(crate) kernels: Vec<Arc<Kernel>>,
    /// Constant memory: every `.const` variable, back to back.
    pub(crate) constants: Vec<u8>,
    /// Variables in global memory: name, initial bytes.
    pub(crate) globals: Vec<(String, Vec<u8>)>,
}

/// One kernel, decoded.
#[derive(Debug)]
pub(crate) struct Kernel {
    /// Its name, as `cuModuleGetFunction` looks it up.
    pub(crate) name: String,
    /// Parameters, by offset in the parameter space.
    pub(crate) parameters: Vec<Parameter>,
    /// Instructions; branch targets are indices into it.
    pub(crate) code: Vec<Instruction>,
    /// Number of 32-bit (and narrower), 64-bit and predicate registers.
    pub(crate) registers: Registers,
    /// Bytes of static shared memory.
    pub(crate) shared: usize,
    /// Where dynamic shared memory starts; it may be of no size.
    pub(crate) dynamic_shared: usize,
    /// Bytes of local memory of one thread.
    pub(crate) local: usize,
    /// Threads of a block that the kernel was compiled for, at most.
    pub(crate) max_threads: u32,
    /// Source files that locations refer to, by number.
    pub(crate) files: Arc<Vec<String>>,
}

/// The place of one parameter: `bytes` bytes at `offset`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Parameter {
    pub(crate) offset: usize,
    pub(crate) bytes: usize,
}

/// The register files of a kernel and the registers that hold the same value all along.
#[derive(Debug, Default)]
pub(crate) struct Registers {
    /// Registers of 32 bits and fewer.
    pub(crate) words: usize,
    /// Registers of 64 bits.
    pub(crate) doubles: usize,
    /// Predicates.
    pub(crate) predicates: usize,
    /// 32-bit registers that hold a constant.
    pub(crate) constant_words: Vec<(u16, u32)>,
    /// 64-bit registers that hold a constant.
    pub(crate) constant_doubles: Vec<(u16, u64)>,
    /// 32-bit registers that hold a special register's value.
    pub(crate) specials: Vec<(u16, operation::Special)>,
    /// 64-bit registers that hold the address of a module variable in global memory, by its index, with an offset.
    pub(crate) global_addresses: Vec<(u16, usize, u64)>,
}

impl Module {
    /// Decodes a PTX text for a driver that takes PTX up to `supported` (70 is version 7.0).
    ///
    /// # Errors
    /// `LoadError`, for the first statement that cannot be decoded.
    pub(crate) fn load(text: &str, supported: u32) -> Result<Self, LoadError> {
        module::parse(text, supported)
    }
}

#[cfg(test)]
mod tests;
