//! One statement to one decoded instruction.

use super::LoadError;
use super::kernel::{Builder, File, Symbol};
use super::module::error;
use super::operation::*;
use super::tokens::Token;

/// The type of a name without its dot; `pred` has one bit. Floats have none: the field needs no floats.
pub(super) fn kind(text: &str) -> Option<Kind> {
    let (bits, signed) = match text {
        "pred" => (1, false),
        "u8" | "b8" => (8, false),
        "s8" => (8, true),
        "u16" | "b16" => (16, false),
        "s16" => (16, true),
        "u32" | "b32" => (32, false),
        "s32" => (32, true),
        "u64" | "b64" => (64, false),
        "s64" => (64, true),
        _ => return None,
    };
    Some(Kind { bits, signed })
}

/// An integer literal without its sign.
pub(super) fn integer(text: &str) -> Option<i128> {
    let digits = text.trim_end_matches('U');
    match digits
        .strip_prefix("0x")
        .or_else(|| digits.strip_prefix("0X"))
    {
        Some(hex) => i128::from_str_radix(hex, 16).ok(),
        None => digits.parse().ok(),
    }
}

type Operand<'t, 'a> = &'t [Token<'a>];

/// An instruction's words and operands.
struct Statement<'t, 'a> {
    words: Vec<&'a str>,
    operands: Vec<Operand<'t, 'a>>,
    kinds: Vec<Kind>,
}

impl<'t, 'a> Statement<'t, 'a> {
    fn new(tokens: &'t [Token<'a>]) -> Self {
        let words: Vec<_> = tokens[0].text.split('.').collect();
        let kinds = words[1..].iter().filter_map(|word| kind(word)).collect();
        let (mut operands, mut depth, mut start) = (Vec::new(), 0, 1);
        for (position, token) in tokens.iter().enumerate().skip(1) {
            match token.text {
                "{" | "[" => depth += 1,
                "}" | "]" => depth -= 1,
                "," if depth == 0 => {
                    operands.push(&tokens[start..position]);
                    start = position + 1;
                }
                _ => {}
            }
        }
        if start < tokens.len() {
            operands.push(&tokens[start..]);
        }
        Self {
            words,
            operands,
            kinds,
        }
    }

    fn has(&self, word: &str) -> bool {
        self.words[1..].contains(&word)
    }

    fn kind(&self) -> Kind {
        self.kinds.last().copied().unwrap_or(Kind {
            bits: 32,
            signed: false,
        })
    }

    fn space(&self) -> Space {
        let spaces = [
            ("global", Space::Global),
            ("shared", Space::Shared),
            ("local", Space::Local),
            ("const", Space::Constant),
            ("param", Space::Parameter),
        ];
        spaces
            .into_iter()
            .find(|(word, _)| self.has(word))
            .map_or(Space::Generic, |(_, space)| space)
    }

    fn volatile(&self) -> bool {
        ["volatile", "relaxed", "acquire", "release", "acq_rel"]
            .iter()
            .any(|word| self.has(word))
    }

    fn vector(&self) -> u8 {
        if self.has("v4") {
            4
        } else if self.has("v2") {
            2
        } else {
            1
        }
    }
}

impl<'a> Builder<'_, 'a> {
    pub(super) fn decode(&mut self, tokens: &[Token<'a>]) -> Result<(), LoadError> {
        let (guard, tokens) = match tokens {
            [at, not, name, rest @ ..] if at.is("@") && not.is("!") => (Some((name, true)), rest),
            [at, name, rest @ ..] if at.is("@") => (Some((name, false)), rest),
            _ => (None, tokens),
        };
        let guard = match guard {
            Some((name, negated)) => Some(Predicate {
                register: self.predicate_named(name.text)?,
                negated,
            }),
            None => None,
        };
        if tokens.is_empty() {
            return error(self.line, "a guard without an instruction");
        }
        let statement = Statement::new(tokens);
        let operation = self.operation(&statement)?;
        self.push(operation, guard);
        Ok(())
    }

    fn operation(&mut self, s: &Statement<'_, 'a>) -> Result<Operation, LoadError> {
        if s.words[1..]
            .iter()
            .any(|word| matches!(*word, "f16" | "f32" | "f64" | "f16x2" | "bf16" | "sat"))
        {
            return self.unsupported(s);
        }
        let kind = s.kind();
        match s.words[0] {
            "mov" if kind.bits == 1 => {
                let (d, a) = (
                    self.predicate(s, 0)?.register,
                    self.predicate_or_constant(s, 1)?,
                );
                Ok(Operation::Predicates {
                    op: Logic::And,
                    d,
                    a,
                    b: a,
                })
            }
            "mov" if self.operand(s, 0)?[0].is("{") => self.unpack(s),
            "mov" if self.operand(s, 1)?[0].is("{") => self.pack(s),
            "mov" => self.unary(s, Unary::Move),
            "not" if kind.bits == 1 => {
                let (d, a) = (self.predicate(s, 0)?.register, self.predicate(s, 1)?);
                let a = Predicate {
                    negated: !a.negated,
                    ..a
                };
                Ok(Operation::Predicates {
                    op: Logic::And,
                    d,
                    a,
                    b: a,
                })
            }
            "not" => self.unary(s, Unary::Not),
            "neg" => self.unary(s, Unary::Negate),
            "abs" => self.unary(s, Unary::Absolute),
            "brev" => self.unary(s, Unary::ReverseBits),
            "popc" => self.unary(s, Unary::CountOnes),
            "clz" => self.unary(s, Unary::CountLeadingZeros),
            "bfind" if !s.has("shiftamt") => self.unary(s, Unary::FindLeadingOne),
            "cvta" => self.convert_address(s),
            "cvt" => self.convert(s),
            "and" | "or" | "xor" if kind.bits == 1 => {
                let op = match s.words[0] {
                    "and" => Logic::And,
                    "or" => Logic::Or,
                    _ => Logic::Xor,
                };
                let (d, a, b) = (
                    self.predicate(s, 0)?,
                    self.predicate(s, 1)?,
                    self.predicate_or_constant(s, 2)?,
                );
                Ok(Operation::Predicates {
                    op,
                    d: d.register,
                    a,
                    b,
                })
            }
            "add" | "addc" | "sub" | "subc" if s.has("cc") || s.words[0].ends_with('c') => {
                Ok(Operation::Carry {
                    subtract: s.words[0].starts_with("sub"),
                    bits: kind.bits,
                    takes: s.words[0].ends_with('c'),
                    leaves: s.has("cc"),
                    d: self.register(s, 0, kind.bits)?,
                    a: self.register(s, 1, kind.bits)?,
                    b: self.register(s, 2, kind.bits)?,
                })
            }
            "add" => self.binary(s, Binary::Add),
            "sub" => self.binary(s, Binary::Subtract),
            "mul" | "mad" if s.has("wide") => Ok(Operation::MultiplyWide {
                kind,
                d: self.register(s, 0, 2 * kind.bits)?,
                a: self.register(s, 1, kind.bits)?,
                b: self.register(s, 2, kind.bits)?,
                c: if s.words[0] == "mad" {
                    Some(self.register(s, 3, 2 * kind.bits)?)
                } else {
                    None
                },
            }),
            "mul" if s.has("hi") && kind.bits >= 32 => self.binary(s, Binary::MultiplyHigh),
            "mul" if s.has("lo") => self.binary(s, Binary::MultiplyLow),
            "mad" if s.has("lo") && !s.has("cc") => self.ternary(s, Ternary::MultiplyAddLow),
            "mad" if s.has("hi") && !s.has("cc") && kind.bits == 32 => {
                self.ternary(s, Ternary::MultiplyAddHigh)
            }
            "div" => self.binary(s, Binary::Divide),
            "rem" => self.binary(s, Binary::Remainder),
            "min" => self.binary(s, Binary::Minimum),
            "max" => self.binary(s, Binary::Maximum),
            "and" => self.binary(s, Binary::And),
            "or" => self.binary(s, Binary::Or),
            "xor" => self.binary(s, Binary::Xor),
            "shl" => self.binary(s, Binary::ShiftLeft),
            "shr" => self.binary(s, Binary::ShiftRight),
            "shf" if s.has("l") => self.ternary(
                s,
                Ternary::FunnelLeft {
                    clamp: s.has("clamp"),
                },
            ),
            "shf" => self.ternary(
                s,
                Ternary::FunnelRight {
                    clamp: s.has("clamp"),
                },
            ),
            "lop3" => {
                let table = self.immediate(s, 4)?;
                self.ternary(s, Ternary::Logic(table as u8))
            }
            "prmt" if s.words.len() == 2 => self.ternary(s, Ternary::Permute),
            "bfe" if kind.bits == 32 => self.ternary(s, Ternary::ExtractField),
            "bfi" if kind.bits == 32 => Ok(Operation::InsertField {
                d: self.register(s, 0, 32)?,
                a: self.register(s, 1, 32)?,
                b: self.register(s, 2, 32)?,
                position: self.register(s, 3, 32)?,
                length: self.register(s, 4, 32)?,
            }),
            "setp" => self.compare(s),
            "selp" => Ok(Operation::Select {
                bits: kind.bits,
                d: self.register(s, 0, kind.bits)?,
                a: self.register(s, 1, kind.bits)?,
                b: self.register(s, 2, kind.bits)?,
                by: self.predicate(s, 3)?,
            }),
            "ld" => {
                let (d, wide) = self.vector(s, 0, kind.bits)?;
                let from = self.address(s, 1)?;
                Ok(Operation::Load {
                    kind,
                    count: s.vector(),
                    wide,
                    d,
                    from,
                    volatile: s.volatile(),
                })
            }
            "st" => {
                let (a, wide) = self.vector(s, 1, kind.bits)?;
                let to = self.address(s, 0)?;
                Ok(Operation::Store {
                    kind,
                    count: s.vector(),
                    wide,
                    a,
                    to,
                    volatile: s.volatile(),
                })
            }
            "atom" | "red" => self.atomic(s),
            "bar" | "barrier" if s.has("warp") => Ok(Operation::WarpBarrier {
                mask: self.register(s, 0, 32)?,
            }),
            "bar" | "barrier"
                if s.has("sync") && s.operands.len() == 1 && self.immediate(s, 0)? == 0 =>
            {
                Ok(Operation::Barrier)
            }
            "shfl" if s.has("sync") => self.shuffle(s),
            "vote" if s.has("sync") => self.vote(s),
            "activemask" => Ok(Operation::ActiveMask {
                d: self.register(s, 0, 32)?,
            }),
            "membar" | "fence" => Ok(Operation::Fence),
            "bra" => {
                let label = self.operand(s, 0)?[0].text;
                self.jumps.push((self.code.len(), 0, label, self.line));
                Ok(Operation::Branch { target: 0 })
            }
            "brx" => self.branch_indexed(s),
            "ret" | "exit" => Ok(Operation::Return),
            "trap" => Ok(Operation::Trap),
            _ => self.unsupported(s),
        }
    }

    fn unsupported(&self, s: &Statement<'_, 'a>) -> Result<Operation, LoadError> {
        error(
            self.line,
            format!("the interpreter has no `{}`", s.words.join(".")),
        )
    }

    fn unary(&mut self, s: &Statement<'_, 'a>, op: Unary) -> Result<Operation, LoadError> {
        let kind = s.kind();
        let counts = matches!(
            op,
            Unary::CountOnes | Unary::CountLeadingZeros | Unary::FindLeadingOne
        );
        let d = self.register(s, 0, if counts { 32 } else { kind.bits })?;
        Ok(Operation::Unary {
            op,
            kind,
            d,
            a: self.register(s, 1, kind.bits)?,
        })
    }

    fn binary(&mut self, s: &Statement<'_, 'a>, op: Binary) -> Result<Operation, LoadError> {
        let kind = s.kind();
        let shift = matches!(op, Binary::ShiftLeft | Binary::ShiftRight);
        Ok(Operation::Binary {
            op,
            kind,
            d: self.register(s, 0, kind.bits)?,
            a: self.register(s, 1, kind.bits)?,
            b: self.register(s, 2, if shift { 32 } else { kind.bits })?,
        })
    }

    fn ternary(&mut self, s: &Statement<'_, 'a>, op: Ternary) -> Result<Operation, LoadError> {
        let kind = s.kind();
        Ok(Operation::Ternary {
            op,
            kind,
            d: self.register(s, 0, kind.bits)?,
            a: self.register(s, 1, kind.bits)?,
            b: self.register(s, 2, kind.bits)?,
            c: self.register(s, 3, kind.bits)?,
        })
    }

    fn convert(&mut self, s: &Statement<'_, 'a>) -> Result<Operation, LoadError> {
        let [to, from] = s.kinds[..] else {
            return self.unsupported(s);
        };
        Ok(Operation::Convert {
            to,
            from,
            d: self.register(s, 0, to.bits)?,
            a: self.register(s, 1, from.bits)?,
        })
    }

    /// Generic addresses of the global space are the same; those of others lie in windows.
    fn convert_address(&mut self, s: &Statement<'_, 'a>) -> Result<Operation, LoadError> {
        let kind = Kind {
            bits: 64,
            signed: false,
        };
        let (d, a) = (self.register(s, 0, 64)?, self.register(s, 1, 64)?);
        let window = crate::memory::window(s.space());
        if window == 0 {
            return Ok(Operation::Unary {
                op: Unary::Move,
                kind,
                d,
                a,
            });
        }
        let op = if s.has("to") {
            Binary::Subtract
        } else {
            Binary::Add
        };
        Ok(Operation::Binary {
            op,
            kind,
            d,
            a,
            b: self.constant_double(window)?,
        })
    }

    fn compare(&mut self, s: &Statement<'_, 'a>) -> Result<Operation, LoadError> {
        let kind = s.kind();
        let op = match s.words[1] {
            "eq" => Comparison::Equal,
            "ne" => Comparison::NotEqual,
            "lt" | "lo" => Comparison::Less,
            "le" | "ls" => Comparison::LessEqual,
            "gt" | "hi" => Comparison::Greater,
            "ge" | "hs" => Comparison::GreaterEqual,
            _ => return self.unsupported(s),
        };
        let with = if s.operands.len() > 3 {
            let logic = match s.words[2] {
                "and" => Logic::And,
                "or" => Logic::Or,
                "xor" => Logic::Xor,
                _ => return self.unsupported(s),
            };
            Some((logic, self.predicate(s, 3)?))
        } else {
            None
        };
        let d = self.predicate(s, 0)?.register;
        if self.operand(s, 0)?.len() > 1 {
            return self.unsupported(s);
        }
        Ok(Operation::Compare {
            op,
            kind,
            d,
            a: self.register(s, 1, kind.bits)?,
            b: self.register(s, 2, kind.bits)?,
            with,
        })
    }

    fn pack(&mut self, s: &Statement<'_, 'a>) -> Result<Operation, LoadError> {
        let bits = s.kind().bits;
        let parts = self.braced(s, 1)?;
        let &[low, high] = &parts[..] else {
            return self.unsupported(s);
        };
        let d = self.register(s, 0, bits)?;
        Ok(Operation::Pack {
            bits,
            d,
            low: self.value(low, bits / 2)?,
            high: self.value(high, bits / 2)?,
        })
    }

    fn unpack(&mut self, s: &Statement<'_, 'a>) -> Result<Operation, LoadError> {
        let bits = s.kind().bits;
        let parts = self.braced(s, 0)?;
        let &[low, high] = &parts[..] else {
            return self.unsupported(s);
        };
        let mut part = |operand: Operand<'_, 'a>| match operand[0].text {
            "_" => Ok(None),
            _ => self.value(operand, bits / 2).map(Some),
        };
        let (low, high) = (part(low)?, part(high)?);
        Ok(Operation::Unpack {
            bits,
            low,
            high,
            a: self.register(s, 1, bits)?,
        })
    }

    fn atomic(&mut self, s: &Statement<'_, 'a>) -> Result<Operation, LoadError> {
        let kind = s.kind();
        let op = s.words[1..].iter().find_map(|word| {
            Some(match *word {
                "add" => Atomic::Add,
                "min" => Atomic::Minimum,
                "max" => Atomic::Maximum,
                "and" => Atomic::And,
                "or" => Atomic::Or,
                "xor" => Atomic::Xor,
                "exch" => Atomic::Exchange,
                "cas" => Atomic::CompareAndSwap,
                _ => return None,
            })
        });
        let Some(op) = op.filter(|_| kind.bits >= 32) else {
            return self.unsupported(s);
        };
        let returns = s.words[0] == "atom";
        let first = usize::from(returns);
        let d = if returns && !self.operand(s, 0)?[0].is("_") {
            Some(self.register(s, 0, kind.bits)?)
        } else {
            None
        };
        let a = self.register(s, first + 1, kind.bits)?;
        let b = if op == Atomic::CompareAndSwap {
            self.register(s, first + 2, kind.bits)?
        } else {
            a
        };
        Ok(Operation::Atomic {
            op,
            kind,
            d,
            at: self.address(s, first)?,
            a,
            b,
        })
    }

    fn shuffle(&mut self, s: &Statement<'_, 'a>) -> Result<Operation, LoadError> {
        let op = match s.words[2] {
            "up" => Shuffle::Up,
            "down" => Shuffle::Down,
            "bfly" => Shuffle::Butterfly,
            "idx" => Shuffle::Index,
            _ => return self.unsupported(s),
        };
        let valid = match self.operand(s, 0)? {
            [_, bar, predicate] if bar.is("|") => Some(self.predicate_named(predicate.text)?),
            _ => None,
        };
        Ok(Operation::Shuffle {
            op,
            d: self.register(s, 0, 32)?,
            valid,
            a: self.register(s, 1, 32)?,
            b: self.register(s, 2, 32)?,
            c: self.register(s, 3, 32)?,
            mask: self.register(s, 4, 32)?,
        })
    }

    fn vote(&mut self, s: &Statement<'_, 'a>) -> Result<Operation, LoadError> {
        let (op, d) = match s.words[2] {
            "ballot" => (Vote::Ballot, self.register(s, 0, 32)?),
            "any" => (Vote::Any, self.predicate(s, 0)?.register),
            "all" => (Vote::All, self.predicate(s, 0)?.register),
            _ => return self.unsupported(s),
        };
        Ok(Operation::Vote {
            op,
            d,
            a: self.predicate(s, 1)?,
            mask: self.register(s, 2, 32)?,
        })
    }

    fn branch_indexed(&mut self, s: &Statement<'_, 'a>) -> Result<Operation, LoadError> {
        let name = self.operand(s, 1)?[0].text;
        let Some(labels) = self.tables.get(name).cloned() else {
            return error(self.line, format!("no branch targets `{name}`"));
        };
        for (entry, label) in labels.iter().enumerate() {
            self.jumps.push((self.code.len(), entry, label, self.line));
        }
        Ok(Operation::BranchIndexed {
            index: self.register(s, 0, 32)?,
            targets: vec![0; labels.len()].into(),
        })
    }

    fn operand<'t>(&self, s: &Statement<'t, 'a>, at: usize) -> Result<Operand<'t, 'a>, LoadError> {
        match s.operands.get(at) {
            Some(operand) if !operand.is_empty() => Ok(operand),
            _ => error(
                self.line,
                format!("`{}` lacks operand {at}", s.words.join(".")),
            ),
        }
    }

    fn immediate(&self, s: &Statement<'_, 'a>, at: usize) -> Result<i128, LoadError> {
        match self.operand(s, at)? {
            [token] => integer(token.text),
            [minus, token] if minus.is("-") => integer(token.text).map(|value| -value),
            _ => None,
        }
        .map_or_else(
            || error(self.line, format!("operand {at} is no number")),
            Ok,
        )
    }

    /// The parts of `{a, b}`, or the operand itself.
    fn braced<'t>(
        &self,
        s: &Statement<'t, 'a>,
        at: usize,
    ) -> Result<Vec<Operand<'t, 'a>>, LoadError> {
        let operand = self.operand(s, at)?;
        match operand {
            [open, inner @ .., close] if open.is("{") && close.is("}") => {
                Ok(inner.split(|token| token.is(",")).collect())
            }
            _ => Ok(vec![operand]),
        }
    }

    /// The registers of a load or store, and whether they have 64 bits: a narrow load may extend into such.
    fn vector(
        &mut self,
        s: &Statement<'_, 'a>,
        at: usize,
        bits: u8,
    ) -> Result<([Register; 4], bool), LoadError> {
        let parts = self.braced(s, at)?;
        if parts.len() != usize::from(s.vector()) {
            return error(self.line, "a vector of another length");
        }
        let wide = match parts[0].first().and_then(|token| self.named(token.text)) {
            Some((file, _)) => file == File::Double,
            None => bits == 64,
        };
        let mut registers = [0; 4];
        for (register, part) in registers.iter_mut().zip(parts) {
            *register = self.value(part, if wide { 64 } else { bits.min(32) })?;
        }
        Ok((registers, wide))
    }

    /// The register of operand `at`.
    fn register(
        &mut self,
        s: &Statement<'_, 'a>,
        at: usize,
        bits: u8,
    ) -> Result<Register, LoadError> {
        let operand = self.operand(s, at)?;
        self.value(operand, bits)
    }

    fn value(&mut self, operand: Operand<'_, 'a>, bits: u8) -> Result<Register, LoadError> {
        let (negative, name, offset) = match operand {
            [minus, name] if minus.is("-") => (true, name, 0),
            [name, plus, offset] if plus.is("+") => {
                (false, name, integer(offset.text).unwrap_or(0))
            }
            [name, ..] => (false, name, 0),
            [] => return error(self.line, "an empty operand"),
        };
        let file = if bits == 64 { File::Double } else { File::Word };
        if let Some((found, register)) = self.named(name.text) {
            return if found == file {
                Ok(register)
            } else {
                error(
                    self.line,
                    format!("`{}` has another width than its operation", name.text),
                )
            };
        }
        if let Some(special) = special(name.text) {
            return self.special(special);
        }
        let value = match integer(name.text) {
            Some(value) => {
                if negative {
                    -value
                } else {
                    value
                }
            }
            None => match self.symbol(name.text) {
                Some(Symbol::Global(variable)) if bits == 64 => {
                    let register = self.allocate(File::Double)?;
                    self.registers
                        .global_addresses
                        .push((register, variable, offset as u64));
                    return Ok(register);
                }
                Some(Symbol::DynamicShared) => {
                    return self.dynamic_shared(offset as u64, bits == 64);
                }
                Some(Symbol::Parameter(at)) => at as i128 + offset,
                Some(Symbol::Constant(at) | Symbol::Local(at) | Symbol::SharedAt(at)) => {
                    i128::from(at) + offset
                }
                _ => return error(self.line, format!("the operand `{}`", name.text)),
            },
        };
        match bits {
            64 => self.constant_double(value as u64),
            32 => self.constant_word(value as u32),
            _ => self.constant_word(value as u32 & ((1 << bits) - 1)),
        }
    }

    fn predicate_named(&self, name: &str) -> Result<Register, LoadError> {
        match self.named(name) {
            Some((File::Predicate, register)) => Ok(register),
            _ => error(self.line, format!("`{name}` is no predicate")),
        }
    }

    fn predicate(&self, s: &Statement<'_, 'a>, at: usize) -> Result<Predicate, LoadError> {
        match self.operand(s, at)? {
            [not, name] if not.is("!") => Ok(Predicate {
                register: self.predicate_named(name.text)?,
                negated: true,
            }),
            [name, ..] => Ok(Predicate {
                register: self.predicate_named(name.text)?,
                negated: false,
            }),
            [] => error(self.line, "an empty operand"),
        }
    }

    /// A predicate, or 0 or -1 or 1: a predicate that is never written is false.
    fn predicate_or_constant(
        &mut self,
        s: &Statement<'_, 'a>,
        at: usize,
    ) -> Result<Predicate, LoadError> {
        match self.immediate(s, at) {
            Ok(value) => Ok(Predicate {
                register: self.allocate(File::Predicate)?,
                negated: value != 0,
            }),
            Err(_) => self.predicate(s, at),
        }
    }

    /// `[%rd1+4]`, `[name+4]`, `[name]`.
    fn address(&mut self, s: &Statement<'_, 'a>, at: usize) -> Result<Address, LoadError> {
        let mut space = s.space();
        let inner = match self.operand(s, at)? {
            [open, inner @ .., close] if open.is("[") && close.is("]") && !inner.is_empty() => {
                inner
            }
            _ => return error(self.line, "an address without brackets"),
        };
        let offset = match &inner[1..] {
            [] => Some(0),
            [plus, minus, number] if plus.is("+") && minus.is("-") => {
                integer(number.text).map(|value| -value)
            }
            [plus, number] if plus.is("+") => integer(number.text),
            _ => None,
        };
        let Some(offset) = offset else {
            return error(self.line, "the offset of an address");
        };
        let (base, start) = match self.named(inner[0].text) {
            Some((File::Word, register)) => (Base::Word(register), 0),
            Some((File::Double, register)) => (Base::Double(register), 0),
            _ => match self.symbol(inner[0].text) {
                Some(Symbol::Parameter(at)) => (Base::None, at as i64),
                Some(Symbol::Constant(at) | Symbol::Local(at) | Symbol::SharedAt(at)) => {
                    (Base::None, at as i64)
                }
                Some(Symbol::DynamicShared) => (Base::Double(self.dynamic_shared(0, true)?), 0),
                Some(Symbol::Global(variable)) => {
                    let register = self.allocate(File::Double)?;
                    self.registers
                        .global_addresses
                        .push((register, variable, 0));
                    space = Space::Global;
                    (Base::Double(register), 0)
                }
                _ => return error(self.line, format!("the address `{}`", inner[0].text)),
            },
        };
        Ok(Address {
            space,
            base,
            offset: offset as i64 + start,
        })
    }
}

fn special(text: &str) -> Option<Special> {
    let axis = |text: &str| match text {
        "x" => Some(0),
        "y" => Some(1),
        "z" => Some(2),
        _ => None,
    };
    match text.split_once('.') {
        Some(("%tid", name)) => axis(name).map(Special::Thread),
        Some(("%ntid", name)) => axis(name).map(Special::Threads),
        Some(("%ctaid", name)) => axis(name).map(Special::Block),
        Some(("%nctaid", name)) => axis(name).map(Special::Blocks),
        None if text == "%laneid" => Some(Special::Lane),
        _ => None,
    }
}
