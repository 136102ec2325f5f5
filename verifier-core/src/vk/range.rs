//! Intervals of integers: what expressions can be, computed from the bounds of tensors.

use alloc::vec;

use super::{Expression, Tensor, Term, Wiring};
use crate::field::P;

/// An interval of integers.
#[derive(Clone, Copy)]
pub(super) struct Interval {
    pub(super) lo: i128,
    pub(super) hi: i128,
}

impl Interval {
    pub(super) fn new(lo: impl Into<i128>, hi: impl Into<i128>) -> Self {
        Self {
            lo: lo.into(),
            hi: hi.into(),
        }
    }

    pub(super) fn scaled(self, factor: impl Into<i128>) -> Self {
        let factor = factor.into();
        let (a, b) = (
            self.lo.saturating_mul(factor),
            self.hi.saturating_mul(factor),
        );
        Self {
            lo: a.min(b),
            hi: a.max(b),
        }
    }

    fn plus(self, other: Self) -> Self {
        Self {
            lo: self.lo.saturating_add(other.lo),
            hi: self.hi.saturating_add(other.hi),
        }
    }

    /// The least interval that holds both.
    fn hull(self, other: Self) -> Self {
        Self {
            lo: self.lo.min(other.lo),
            hi: self.hi.max(other.hi),
        }
    }

    /// Whether the least interval that holds both has at most `p` integers, so that equality
    /// modulo `p` of a member of each is equality.
    pub(super) fn joins_without_wrap(self, other: Self) -> bool {
        let Self { lo, hi } = self.hull(other);
        hi.saturating_sub(lo) < i128::from(P)
    }
}

/// The interval of `constant + sum of terms`. A term is zero in padded cells.
pub(super) fn expression_range(expression: &Expression) -> Interval {
    let terms = expression
        .terms
        .iter()
        .map(|t| Interval::new(t.lo.min(0), t.hi.max(0)).scaled(t.coefficient));
    terms.fold(
        Interval::new(expression.constant, expression.constant),
        Interval::plus,
    )
}

/// The interval of a term without its coefficient, padded cells included, from the bounds of its
/// operands: one factor after the other sums what the ones before it give.
pub(super) fn term_range(term: &Term, right: &Tensor, left: Option<&Tensor>) -> Interval {
    let right = Interval::new(right.lo, right.hi);
    let product = match left {
        None => right,
        Some(left) => right.scaled(left.lo).hull(right.scaled(left.hi)),
    };
    let zero = Interval::new(0, 0);
    let factors = term.factors.iter();
    factors.fold(product.hull(zero), |range, factor| match &factor.wiring {
        Wiring::Diagonal { len } if factor.out.count == 0 => range.scaled(*len),
        Wiring::Diagonal { .. } | Wiring::Reshape { .. } => range,
        Wiring::Window { taps, .. } => range.scaled(*taps),
        Wiring::Entries(entries) => {
            // As many cells as the factor's table of `eq` has: the axis was found small enough.
            let cells = 1usize.checked_shl(factor.out.count.into()).unwrap_or(0);
            let mut sums = vec![zero; cells];
            for entry in entries {
                let cell = usize::try_from(entry.out)
                    .ok()
                    .and_then(|i| sums.get_mut(i));
                if let Some(sum) = cell {
                    *sum = sum.plus(range.scaled(entry.weight));
                }
            }
            sums.into_iter().fold(zero, Interval::hull)
        }
    })
}
