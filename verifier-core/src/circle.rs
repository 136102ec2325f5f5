//! The circle group over M31, the canonic coset in bit-reversed order, and folding.
//!
//! The order is that of stwo's `CanonicCoset::circle_domain` with `BitReversedOrder`: entries
//! `2i` and `2i + 1` are conjugate points (`y` and `-y`), and after the first fold, entries `2i`
//! and `2i + 1` lie at `x` and `-x`.

use core::ops::{Add, Neg};

use crate::field::{M31, QM31};

/// A point `x^2 + y^2 = 1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CirclePoint {
    /// First coordinate.
    pub x: M31,
    /// Second coordinate.
    pub y: M31,
}

/// Base-two logarithm of the order of the circle group.
const LOG_ORDER: u32 = 31;

/// `2x^2 - 1`: the first coordinate of the doubled point.
pub fn double_x(x: M31) -> M31 {
    let square = x * x;
    square + square - M31::ONE
}

impl CirclePoint {
    /// The neutral element.
    pub const IDENTITY: Self = Self {
        x: M31::ONE,
        y: M31::ZERO,
    };

    /// The point added to itself.
    pub fn double(self) -> Self {
        let product = self.x * self.y;
        Self {
            x: double_x(self.x),
            y: product + product,
        }
    }

    /// `self` added `scalar` times.
    fn times(self, scalar: u32) -> Self {
        let mut result = Self::IDENTITY;
        for bit in (0..u32::BITS).rev() {
            result = result.double();
            if scalar.checked_shr(bit).unwrap_or(0) & 1 == 1 {
                result = result + self;
            }
        }
        result
    }

    /// The generator of the whole group, as stwo's.
    fn generator() -> Self {
        Self {
            x: M31::reduce(2),
            y: M31::reduce(1_268_011_823),
        }
    }
}

impl Add for CirclePoint {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self {
            x: self.x * other.x - self.y * other.y,
            y: self.x * other.y + self.y * other.x,
        }
    }
}

impl Neg for CirclePoint {
    type Output = Self;
    fn neg(self) -> Self {
        Self {
            x: self.x,
            y: -self.y,
        }
    }
}

/// The `bits` lowest bits of an index in reverse.
fn reverse_bits(index: u32, bits: u32) -> u32 {
    index
        .reverse_bits()
        .checked_shr(u32::BITS.saturating_sub(bits))
        .unwrap_or(0)
}

/// The point of entry `index` of a word on the canonic coset of `2^log_size` points, bit
/// reversed; `None` unless `1 <= log_size <= 30` and `index < 2^log_size`.
pub fn domain_point(log_size: u32, index: u32) -> Option<CirclePoint> {
    if !(1..LOG_ORDER).contains(&log_size) || index >= 1u32.checked_shl(log_size)? {
        return None;
    }
    // Natural order: first the half coset g + <4g>, where g has order 2^(log_size + 1), then its
    // conjugates.
    let natural = reverse_bits(index, log_size);
    let log_half = log_size.checked_sub(1)?;
    let half = 1u32.checked_shl(log_half)?;
    let position = natural & half.checked_sub(1)?;
    let odd = position.checked_mul(4)?.checked_add(1)?;
    // The generator of order 2^(log_size + 1) is the group's, times 2^(31 - log_size - 1).
    let log_step = LOG_ORDER.checked_sub(log_size)?.checked_sub(1)?;
    let scalar = odd.checked_shl(log_step)?;
    let point = CirclePoint::generator().times(scalar);
    Some(if natural < half { point } else { -point })
}

/// The `x` of entry `index` of a word that was folded `folds >= 1` times from the canonic coset
/// of `2^log_domain` points: the first fold keeps `x`, every other one doubles the point.
pub fn line_x(log_domain: u32, folds: u32, index: u32) -> Option<M31> {
    let first = index
        .checked_shl(folds)
        .filter(|i| i.checked_shr(folds) == Some(index))?;
    let point = domain_point(log_domain, first)?;
    Some((1..folds).fold(point.x, |x, _| double_x(x)))
}

/// Folds a pair of neighbours: with `even = (f0 + f1) / 2` and `odd = (f0 - f1) / (2 twiddle)`,
/// `(1 - r) even + r odd`. The twiddle is the `y` (circle fold) or the `x` (line fold) of the
/// first neighbour; `None` if it is zero.
pub fn fold_pair(f0: QM31, f1: QM31, twiddle: M31, r: QM31) -> Option<QM31> {
    let inverse = twiddle.inverse()?;
    let even = f0 + f1;
    let odd = (f0 - f1) * inverse;
    Some((even + r * (odd - even)) * M31::ONE.half())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::multilinear;
    use rand::{Rng, SeedableRng, rngs::StdRng};
    use std::vec;
    use std::vec::Vec;
    use stwo::core::fields::m31::M31 as ReferenceBase;
    use stwo::core::poly::circle::CanonicCoset;
    use stwo::core::utils::bit_reverse_index;
    use stwo::prover::backend::cpu::CpuBackend;
    use stwo::prover::poly::circle::{CircleCoefficients, PolyOps};

    #[test]
    fn domain_equals_stwo() {
        for log_size in 1..10 {
            let domain = CanonicCoset::new(log_size).circle_domain();
            for index in 0..1 << log_size {
                let expected = domain.at(bit_reverse_index(index, log_size));
                let got = domain_point(log_size, index as u32).unwrap();
                assert_eq!((got.x.value(), got.y.value()), (expected.x.0, expected.y.0));
            }
            assert_eq!(domain_point(log_size, 1 << log_size), None);
        }
        assert_eq!(domain_point(0, 0), None);
        assert_eq!(domain_point(31, 0), None);
        assert!(domain_point(30, 0).is_some());
        assert_eq!(line_x(4, 3, 2), None);
        assert_eq!(line_x(4, 40, 1), None);
        // The bit that is shifted out of the word counts.
        assert_eq!(line_x(4, 1, 1 << 31), None);
    }

    /// The core of the commitment: folding a codeword of the circle code binds the lowest
    /// remaining bit of the coefficient index.
    #[test]
    fn folding_evaluates_the_multilinear_extension() {
        let mut rng = StdRng::seed_from_u64(0);
        let (variables, log_domain) = (6u32, 8u32);
        let values: Vec<u32> = (0..1 << variables)
            .map(|_| rng.random_range(0..1 << 30))
            .collect();
        let coefficients = values.iter().map(|v| ReferenceBase::from(*v)).collect();
        let domain = CanonicCoset::new(log_domain);
        let twiddles = CpuBackend::precompute_twiddles(domain.half_coset());
        let word = CircleCoefficients::<CpuBackend>::new(coefficients)
            .evaluate_with_twiddles(domain.circle_domain(), &twiddles);
        let mut word: Vec<QM31> = word
            .values
            .iter()
            .map(|v| QM31::from(M31::new(v.0).unwrap()))
            .collect();
        let mut point = Vec::new();
        for fold in 0..variables {
            let r = QM31::from_coordinates(core::array::from_fn(|_| M31::reduce(rng.random())));
            point.push(r);
            word = (0..word.len() / 2)
                .map(|i| {
                    let even = 2 * i as u32;
                    let twiddle = match fold {
                        0 => domain_point(log_domain, even).unwrap().y,
                        _ => line_x(log_domain, fold, even).unwrap(),
                    };
                    fold_pair(word[2 * i], word[2 * i + 1], twiddle, r).unwrap()
                })
                .collect();
        }
        point.reverse();
        let values = values.iter().map(|v| QM31::from(M31::new(*v).unwrap()));
        let expected = multilinear::evaluate(values, &point);
        assert_eq!(word, vec![expected; 1 << (log_domain - variables)]);
    }
}
