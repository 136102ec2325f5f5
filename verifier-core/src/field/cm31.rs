//! The complex extension of M31: `a + b i` with `i^2 = -1`.

use core::ops::{Add, Mul, Neg, Sub};

use super::{M31, derived_operators};

/// `a + b i`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct CM31(
    /// Real part.
    pub M31,
    /// Imaginary part.
    pub M31,
);

impl CM31 {
    /// Zero.
    pub const ZERO: Self = Self(M31::ZERO, M31::ZERO);
    /// One.
    pub const ONE: Self = Self(M31::ONE, M31::ZERO);

    /// `self * (2 + i)`: the square of the generator of QM31.
    #[inline]
    pub(super) fn mul_non_residue(self) -> Self {
        Self(self.0 + self.0 - self.1, self.1 + self.1 + self.0)
    }

    /// The inverse; `None` for zero.
    pub fn inverse(self) -> Option<Self> {
        let norm = (self.0 * self.0 + self.1 * self.1).inverse()?;
        Some(Self(self.0 * norm, -self.1 * norm))
    }
}

impl Add for CM31 {
    type Output = Self;
    #[inline]
    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0, self.1 + other.1)
    }
}

impl Sub for CM31 {
    type Output = Self;
    #[inline]
    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0, self.1 - other.1)
    }
}

impl Neg for CM31 {
    type Output = Self;
    #[inline]
    fn neg(self) -> Self {
        Self(-self.0, -self.1)
    }
}

impl Mul for CM31 {
    type Output = Self;
    #[inline]
    fn mul(self, other: Self) -> Self {
        // Karatsuba: three products.
        let (real, imaginary) = (self.0 * other.0, self.1 * other.1);
        let mixed = (self.0 + self.1) * (other.0 + other.1);
        Self(real - imaginary, mixed - real - imaginary)
    }
}

derived_operators!(CM31);
