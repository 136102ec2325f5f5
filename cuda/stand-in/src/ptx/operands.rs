//! Operands to register numbers: names, immediates, special registers, symbols, addresses.

use super::LoadError;
use super::kernel::{Builder, File, Symbol};
use super::module::error;
use super::operation::*;
use super::statement::{Operand, Statement, integer};

impl<'a> Builder<'_, 'a> {
    pub(super) fn operand<'t>(
        &self,
        s: &Statement<'t, 'a>,
        at: usize,
    ) -> Result<Operand<'t, 'a>, LoadError> {
        match s.operands.get(at) {
            Some(operand) if !operand.is_empty() => Ok(operand),
            _ => error(
                self.line,
                format!("`{}` lacks operand {at}", s.words.join(".")),
            ),
        }
    }

    pub(super) fn immediate(&self, s: &Statement<'_, 'a>, at: usize) -> Result<i128, LoadError> {
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
    pub(super) fn braced<'t>(
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
    pub(super) fn vector(
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
    pub(super) fn register(
        &mut self,
        s: &Statement<'_, 'a>,
        at: usize,
        bits: u8,
    ) -> Result<Register, LoadError> {
        let operand = self.operand(s, at)?;
        self.value(operand, bits)
    }

    pub(super) fn value(
        &mut self,
        operand: Operand<'_, 'a>,
        bits: u8,
    ) -> Result<Register, LoadError> {
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

    pub(super) fn predicate_named(&self, name: &str) -> Result<Register, LoadError> {
        match self.named(name) {
            Some((File::Predicate, register)) => Ok(register),
            _ => error(self.line, format!("`{name}` is no predicate")),
        }
    }

    pub(super) fn predicate(
        &self,
        s: &Statement<'_, 'a>,
        at: usize,
    ) -> Result<Predicate, LoadError> {
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
    pub(super) fn predicate_or_constant(
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
    pub(super) fn address(
        &mut self,
        s: &Statement<'_, 'a>,
        at: usize,
    ) -> Result<Address, LoadError> {
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
