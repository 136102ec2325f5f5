//! The secure field: `a + b u` over CM31 with `u^2 = 2 + i`, of size about `2^124`.

use core::ops::{Add, Mul, MulAssign, Neg, Sub};

use super::{CM31, M31, derived_operators};

/// `a + b u`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct QM31(
    /// First coordinate.
    pub CM31,
    /// Coordinate of `u`.
    pub CM31,
);

impl QM31 {
    /// Zero.
    pub const ZERO: Self = Self(CM31::ZERO, CM31::ZERO);
    /// One.
    pub const ONE: Self = Self(CM31::ONE, CM31::ZERO);

    /// The element with the given coordinates in the basis `1, i, u, iu`.
    #[inline]
    pub const fn from_coordinates([a, b, c, d]: [M31; 4]) -> Self {
        Self(CM31(a, b), CM31(c, d))
    }

    /// The coordinates in the basis `1, i, u, iu`.
    #[inline]
    pub const fn coordinates(self) -> [M31; 4] {
        let Self(CM31(a, b), CM31(c, d)) = self;
        [a, b, c, d]
    }

    /// Little-endian coordinates.
    pub fn to_bytes(&self) -> [u8; 16] {
        let mut bytes = [0; 16];
        let chunks = bytes.as_chunks_mut::<4>().0;
        chunks
            .iter_mut()
            .zip(self.coordinates())
            .for_each(|(b, c)| *b = c.value().to_le_bytes());
        bytes
    }

    /// Reads [`to_bytes`](Self::to_bytes); `None` if a coordinate is not canonical.
    pub fn from_bytes(bytes: [u8; 16]) -> Option<Self> {
        let mut words = bytes
            .as_chunks::<4>()
            .0
            .iter()
            .map(|w| M31::new(u32::from_le_bytes(*w)));
        let mut next = || words.next().flatten();
        Some(Self::from_coordinates([next()?, next()?, next()?, next()?]))
    }

    /// The inverse; `None` for zero.
    pub fn inverse(self) -> Option<Self> {
        let norm = (self.0 * self.0 - (self.1 * self.1).mul_non_residue()).inverse()?;
        Some(Self(self.0 * norm, -self.1 * norm))
    }
}

impl From<M31> for QM31 {
    #[inline]
    fn from(value: M31) -> Self {
        Self(CM31(value, M31::ZERO), CM31::ZERO)
    }
}

impl Add for QM31 {
    type Output = Self;
    #[inline]
    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0, self.1 + other.1)
    }
}

impl Sub for QM31 {
    type Output = Self;
    #[inline]
    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0, self.1 - other.1)
    }
}

impl Neg for QM31 {
    type Output = Self;
    #[inline]
    fn neg(self) -> Self {
        Self(-self.0, -self.1)
    }
}

impl Mul for QM31 {
    type Output = Self;
    #[inline]
    fn mul(self, other: Self) -> Self {
        let (low, high) = (self.0 * other.0, self.1 * other.1);
        let mixed = (self.0 + self.1) * (other.0 + other.1);
        Self(low + high.mul_non_residue(), mixed - low - high)
    }
}

impl Add<M31> for QM31 {
    type Output = Self;
    #[inline]
    fn add(self, other: M31) -> Self {
        Self(CM31(self.0.0 + other, self.0.1), self.1)
    }
}

impl Sub<M31> for QM31 {
    type Output = Self;
    #[inline]
    fn sub(self, other: M31) -> Self {
        Self(CM31(self.0.0 - other, self.0.1), self.1)
    }
}

impl Mul<M31> for QM31 {
    type Output = Self;
    #[inline]
    fn mul(self, other: M31) -> Self {
        Self::from_coordinates(self.coordinates().map(|c| c * other))
    }
}

impl MulAssign<M31> for QM31 {
    #[inline]
    fn mul_assign(&mut self, other: M31) {
        *self = *self * other;
    }
}

derived_operators!(QM31);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::P;
    use rand::{Rng, SeedableRng, rngs::StdRng};
    use stwo::core::fields::FieldExpOps;
    use stwo::core::fields::m31::M31 as ReferenceBase;
    use stwo::core::fields::qm31::QM31 as Reference;

    fn random(rng: &mut StdRng) -> (QM31, Reference) {
        let words: [u32; 4] = core::array::from_fn(|_| match rng.random_range(0..8) {
            0 => 0,
            1 => P - 1,
            _ => rng.random_range(0..P),
        });
        let reference = Reference::from_m31_array(words.map(ReferenceBase::from));
        (
            QM31::from_coordinates(words.map(|w| M31::new(w).unwrap())),
            reference,
        )
    }

    fn same(a: QM31, b: Reference) {
        assert_eq!(
            a.coordinates().map(M31::value),
            b.to_m31_array().map(|c| c.0 % P)
        );
    }

    #[test]
    fn equals_stwo() {
        let mut rng = StdRng::seed_from_u64(0);
        for _ in 0..1000 {
            let ((a, x), (b, y)) = (random(&mut rng), random(&mut rng));
            same(a + b, x + y);
            same(a - b, x - y);
            same(-a, -x);
            same(a * b, x * y);
            let base = rng.random_range(0..P);
            let (c, z) = (M31::new(base).unwrap(), ReferenceBase::from(base));
            same(a * c, x * z);
            same(a + c, x + z);
            same(a - c, x - z);
            if a != QM31::ZERO {
                same(a.inverse().unwrap(), x.inverse());
            }
            assert_eq!(QM31::from_bytes(a.to_bytes()), Some(a));
        }
        assert_eq!(QM31::ZERO.inverse(), None);
    }

    #[test]
    fn refuses_non_canonical_bytes() {
        for coordinate in 0..4 {
            let mut bytes = [0; 16];
            bytes[4 * coordinate..][..4].copy_from_slice(&P.to_le_bytes());
            assert_eq!(QM31::from_bytes(bytes), None);
        }
    }
}
