//! One kernel: its header, registers, variables, labels and source locations.

use std::collections::HashMap;
use std::sync::Arc;

use super::module::{Variable, error, next_line, until};
use super::operation::{Instruction, Location, Operation, Register, Special};
use super::tokens::Token;
use super::{Kernel, LoadError, Parameter, Registers};

/// What a name stands for outside the registers.
#[derive(Clone, Copy, Debug)]
pub(super) enum Symbol {
    /// Offset in the parameter space.
    Parameter(usize),
    /// Offset in local memory.
    Local(u64),
    /// Offset in constant memory.
    Constant(u64),
    /// Number of a variable in global memory.
    Global(usize),
    /// A shared variable of the module; each kernel that names it places it.
    Shared { bytes: usize, align: usize },
    /// A shared variable that this kernel has placed.
    SharedAt(u64),
    /// The dynamic shared memory, placed after all static variables.
    DynamicShared,
}

/// The module around a kernel.
#[derive(Debug)]
pub(super) struct Outer<'m> {
    pub(super) symbols: &'m HashMap<String, Symbol>,
    pub(super) files: &'m Arc<Vec<String>>,
}

/// The file of a named register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum File {
    Predicate,
    Word,
    Double,
}

/// A kernel under construction.
#[derive(Debug)]
pub(super) struct Builder<'m, 'a> {
    pub(super) registers: Registers,
    pub(super) code: Vec<Instruction>,
    /// Branch targets by name, for the instruction to patch and the entry of its table.
    pub(super) jumps: Vec<(usize, usize, &'a str, u32)>,
    pub(super) tables: HashMap<&'a str, Vec<&'a str>>,
    pub(super) names: HashMap<&'a str, (File, Register)>,
    pub(super) line: u32,
    symbols: HashMap<&'a str, Symbol>,
    outer: &'m Outer<'m>,
    labels: HashMap<&'a str, usize>,
    words: HashMap<u32, Register>,
    doubles: HashMap<u64, Register>,
    specials: HashMap<Special, Register>,
    shared: usize,
    local: usize,
    dynamic: Vec<(Register, u64, bool)>,
    location: Location,
    caller: Location,
    home: u16,
}

/// Parses a kernel from behind `.entry`; returns what follows it.
pub(super) fn parse<'t, 'a>(
    rest: &'t [Token<'a>],
    outer: &Outer<'_>,
) -> Result<(Kernel, &'t [Token<'a>]), LoadError> {
    let line = rest.first().map_or(0, |token| token.line);
    let (head, after) = until(rest, "{")?;
    let (name, mut head) = match head {
        [name, head @ ..] => (name.text, head),
        [] => return error(line, "a kernel without a name"),
    };
    let mut parameters = Vec::new();
    let mut symbols = HashMap::new();
    let mut offset = 0usize;
    if head.first().is_some_and(|token| token.is("(")) {
        let (list, directives) = until(&head[1..], ")")?;
        head = directives;
        for parameter in list
            .split(|token| token.is(","))
            .filter(|parameter| !parameter.is_empty())
        {
            let variable = Variable::parse(&parameter[1..])?;
            offset = offset.next_multiple_of(variable.align);
            parameters.push(Parameter {
                offset,
                bytes: variable.bytes(),
            });
            let name = parameter
                .iter()
                .find(|token| token.text == variable.name)
                .map_or("", |token| token.text);
            symbols.insert(name, Symbol::Parameter(offset));
            offset += variable.bytes();
        }
    }
    let mut builder = Builder::new(outer, symbols);
    let after = builder.body(after)?;
    builder
        .finish(name, parameters, max_threads(head))
        .map(|kernel| (kernel, after))
}

/// `.maxntid x, y, z` or `.reqntid`; 1024 when the kernel says nothing.
fn max_threads(head: &[Token<'_>]) -> u32 {
    let position = head
        .iter()
        .position(|token| token.is(".maxntid") || token.is(".reqntid"));
    let Some(position) = position else {
        return 1024;
    };
    let sizes = head[position + 1..]
        .iter()
        .take_while(|token| !token.text.starts_with('.'));
    sizes
        .filter_map(|token| token.text.parse::<u32>().ok())
        .product()
}

impl<'m, 'a> Builder<'m, 'a> {
    fn new(outer: &'m Outer<'m>, symbols: HashMap<&'a str, Symbol>) -> Self {
        Self {
            registers: Registers::default(),
            code: Vec::new(),
            jumps: Vec::new(),
            tables: HashMap::new(),
            names: HashMap::new(),
            line: 0,
            symbols,
            outer,
            labels: HashMap::new(),
            words: HashMap::new(),
            doubles: HashMap::new(),
            specials: HashMap::new(),
            shared: 0,
            local: 0,
            dynamic: Vec::new(),
            location: Location::default(),
            caller: Location::default(),
            home: 0,
        }
    }

    fn body<'t>(&mut self, mut rest: &'t [Token<'a>]) -> Result<&'t [Token<'a>], LoadError> {
        let mut depth = 1;
        while let Some(first) = rest.first() {
            self.line = first.line;
            rest = match first.text {
                "}" if depth == 1 => return Ok(&rest[1..]),
                "}" => {
                    depth -= 1;
                    &rest[1..]
                }
                "{" => {
                    depth += 1;
                    &rest[1..]
                }
                ".loc" => {
                    self.source_line(rest);
                    next_line(rest)
                }
                _ if rest.get(1).is_some_and(|token| token.is(":")) => {
                    self.label(first.text, &rest[2..])?
                }
                _ => {
                    let (statement, after) = until(rest, ";")?;
                    self.statement(statement)?;
                    after
                }
            };
        }
        error(self.line, "a kernel that does not end")
    }

    fn source_line(&mut self, rest: &[Token<'_>]) {
        let number = |at: usize| {
            rest.get(at)
                .and_then(|token| token.text.parse::<u32>().ok())
                .unwrap_or(0)
        };
        // Line 0 is code of no line of its own: the one before says more.
        if number(2) == 0 {
            return;
        }
        self.location = Location {
            file: number(1) as u16,
            line: number(2),
        };
        if self.home == 0 {
            self.home = self.location.file;
        }
        if self.location.file == self.home {
            self.caller = self.location;
        }
    }

    /// A label, or the targets of a jump table.
    fn label<'t>(
        &mut self,
        name: &'a str,
        rest: &'t [Token<'a>],
    ) -> Result<&'t [Token<'a>], LoadError> {
        if rest.first().is_some_and(|token| token.is(".branchtargets")) {
            let (targets, after) = until(&rest[1..], ";")?;
            let targets = targets
                .iter()
                .filter(|token| !token.is(","))
                .map(|token| token.text)
                .collect();
            self.tables.insert(name, targets);
            return Ok(after);
        }
        self.labels.insert(name, self.code.len());
        Ok(rest)
    }

    fn statement(&mut self, statement: &[Token<'a>]) -> Result<(), LoadError> {
        match statement[0].text {
            ".reg" => self.declare_registers(&statement[1..]),
            space @ (".shared" | ".local") => {
                let variable = Variable::parse(&statement[1..])?;
                let used = if space == ".shared" {
                    &mut self.shared
                } else {
                    &mut self.local
                };
                let offset = used.next_multiple_of(variable.align);
                *used = offset + variable.bytes();
                let name = statement
                    .iter()
                    .find(|token| token.text == variable.name)
                    .map_or("", |token| token.text);
                let at = offset as u64;
                self.symbols.insert(
                    name,
                    if space == ".shared" {
                        Symbol::SharedAt(at)
                    } else {
                        Symbol::Local(at)
                    },
                );
                Ok(())
            }
            ".pragma" => Ok(()),
            text if text.starts_with('.') => error(self.line, format!("the directive `{text}`")),
            _ => self.decode(statement),
        }
    }

    /// `.reg .b32 %r<25>` or `.reg .b64 %SP`.
    fn declare_registers(&mut self, tokens: &[Token<'a>]) -> Result<(), LoadError> {
        let kind = tokens
            .first()
            .and_then(|token| super::statement::kind(token.text.strip_prefix('.')?));
        let (Some(kind), Some(name)) = (kind, tokens.get(1)) else {
            return error(self.line, "a register declaration of this form or type");
        };
        let file = match kind.bits {
            1 => File::Predicate,
            64 => File::Double,
            _ => File::Word,
        };
        let Some(count) = tokens.get(3) else {
            let register = self.allocate(file)?;
            self.names.insert(name.text, (file, register));
            return Ok(());
        };
        let Ok(count) = count.text.parse::<usize>() else {
            return error(self.line, "a register count");
        };
        // `%r<25>` names %r0..%r24: only their number is stored, under the prefix.
        let first = match file {
            File::Predicate => &mut self.registers.predicates,
            File::Word => &mut self.registers.words,
            File::Double => &mut self.registers.doubles,
        };
        let start = *first;
        *first += count;
        let Ok(start) = Register::try_from(start) else {
            return error(self.line, "too many registers");
        };
        self.names.insert(name.text, (file, start));
        Ok(())
    }

    pub(super) fn allocate(&mut self, file: File) -> Result<Register, LoadError> {
        let count = match file {
            File::Predicate => &mut self.registers.predicates,
            File::Word => &mut self.registers.words,
            File::Double => &mut self.registers.doubles,
        };
        *count += 1;
        Register::try_from(*count - 1).or_else(|_| error(self.line, "more than 65536 registers"))
    }

    /// The register of a name as the text has it: whole, or a prefix and a number.
    pub(super) fn named(&self, text: &str) -> Option<(File, Register)> {
        if let Some(found) = self.names.get(text) {
            return Some(*found);
        }
        let prefix = text.trim_end_matches(|c: char| c.is_ascii_digit());
        let (file, start) = self.names.get(prefix)?;
        Some((
            *file,
            start + text[prefix.len()..].parse::<Register>().ok()?,
        ))
    }

    /// A register that holds a constant.
    pub(super) fn constant_word(&mut self, value: u32) -> Result<Register, LoadError> {
        if let Some(register) = self.words.get(&value) {
            return Ok(*register);
        }
        let register = self.allocate(File::Word)?;
        self.registers.constant_words.push((register, value));
        self.words.insert(value, register);
        Ok(register)
    }

    /// A register that holds a constant.
    pub(super) fn constant_double(&mut self, value: u64) -> Result<Register, LoadError> {
        if let Some(register) = self.doubles.get(&value) {
            return Ok(*register);
        }
        let register = self.allocate(File::Double)?;
        self.registers.constant_doubles.push((register, value));
        self.doubles.insert(value, register);
        Ok(register)
    }

    /// A register that holds a special register's value.
    pub(super) fn special(&mut self, special: Special) -> Result<Register, LoadError> {
        if let Some(register) = self.specials.get(&special) {
            return Ok(*register);
        }
        let register = self.allocate(File::Word)?;
        self.registers.specials.push((register, special));
        self.specials.insert(special, register);
        Ok(register)
    }

    /// What a name stands for, in this kernel or in the module.
    pub(super) fn symbol(&mut self, text: &'a str) -> Option<Symbol> {
        if let Some(symbol) = self.symbols.get(text) {
            return Some(*symbol);
        }
        let symbol = *self.outer.symbols.get(text)?;
        let Symbol::Shared { bytes, align } = symbol else {
            return Some(symbol);
        };
        let offset = self.shared.next_multiple_of(align);
        self.shared = offset + bytes;
        self.symbols.insert(text, Symbol::SharedAt(offset as u64));
        Some(Symbol::SharedAt(offset as u64))
    }

    /// A register that will hold the start of dynamic shared memory plus `offset`.
    pub(super) fn dynamic_shared(
        &mut self,
        offset: u64,
        double: bool,
    ) -> Result<Register, LoadError> {
        let register = self.allocate(if double { File::Double } else { File::Word })?;
        self.dynamic.push((register, offset, double));
        Ok(register)
    }

    pub(super) fn push(
        &mut self,
        operation: Operation,
        guard: Option<super::operation::Predicate>,
    ) {
        let (line, location, caller) = (self.line, self.location, self.caller);
        self.code.push(Instruction {
            operation,
            guard,
            line,
            location,
            caller,
        });
    }

    fn finish(
        mut self,
        name: &str,
        parameters: Vec<Parameter>,
        max_threads: u32,
    ) -> Result<Kernel, LoadError> {
        // A kernel that falls off its end returns.
        self.push(Operation::Return, None);
        for (at, entry, label, line) in std::mem::take(&mut self.jumps) {
            let Some(target) = self.labels.get(label) else {
                return error(line, format!("no label `{label}`"));
            };
            match &mut self.code[at].operation {
                Operation::Branch { target: branch } => *branch = *target as u32,
                Operation::BranchIndexed { targets, .. } => targets[entry] = *target as u32,
                _ => {}
            }
        }
        let dynamic_shared = self.shared.next_multiple_of(16);
        for (register, offset, double) in &self.dynamic {
            let address = dynamic_shared as u64 + offset;
            if *double {
                self.registers.constant_doubles.push((*register, address));
            } else {
                self.registers
                    .constant_words
                    .push((*register, address as u32));
            }
        }
        Ok(Kernel {
            name: name.into(),
            parameters,
            code: self.code,
            registers: self.registers,
            shared: self.shared,
            dynamic_shared,
            local: self.local,
            max_threads,
            files: Arc::clone(self.outer.files),
        })
    }
}
