//! One statement to one decoded instruction.

use super::LoadError;
use super::kernel::{Builder, File};
use super::module::error;
use super::operation::*;
use super::statement::Statement;
use super::tokens::Token;

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
            "bfe" => Ok(Operation::ExtractField {
                kind,
                d: self.register(s, 0, kind.bits)?,
                a: self.register(s, 1, kind.bits)?,
                position: self.register(s, 2, 32)?,
                length: self.register(s, 3, 32)?,
            }),
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

    pub(super) fn unsupported(&self, s: &Statement<'_, 'a>) -> Result<Operation, LoadError> {
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
        // A sign extension within a register: its type is narrower than the register.
        let operand = self.operand(s, 1)?;
        let wide = match self.named(operand[0].text) {
            Some((file, _)) => file == File::Double,
            None => from.bits == 64,
        };
        let a = self.value(operand, if wide { 64 } else { from.bits.min(32) })?;
        Ok(Operation::Convert {
            to,
            from,
            wide,
            d: self.register(s, 0, to.bits)?,
            a,
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
}
