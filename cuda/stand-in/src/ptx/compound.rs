//! Instructions whose operands have a form of their own: comparisons, vectors, atomics, exchanges, jump tables.

use super::LoadError;
use super::kernel::Builder;
use super::module::error;
use super::operation::*;
use super::statement::{Operand, Statement};

impl<'a> Builder<'_, 'a> {
    pub(super) fn compare(&mut self, s: &Statement<'_, 'a>) -> Result<Operation, LoadError> {
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

    pub(super) fn pack(&mut self, s: &Statement<'_, 'a>) -> Result<Operation, LoadError> {
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

    pub(super) fn unpack(&mut self, s: &Statement<'_, 'a>) -> Result<Operation, LoadError> {
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

    pub(super) fn atomic(&mut self, s: &Statement<'_, 'a>) -> Result<Operation, LoadError> {
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

    pub(super) fn shuffle(&mut self, s: &Statement<'_, 'a>) -> Result<Operation, LoadError> {
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

    pub(super) fn vote(&mut self, s: &Statement<'_, 'a>) -> Result<Operation, LoadError> {
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

    pub(super) fn branch_indexed(&mut self, s: &Statement<'_, 'a>) -> Result<Operation, LoadError> {
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
}
