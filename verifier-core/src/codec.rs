//! Reading and writing of the little-endian encodings.
//!
//! A reader never trusts a count: a list grows one decoded item at a time, so a false count ends
//! at the end of the bytes and allocates nothing by itself.

use alloc::string::String;
use alloc::vec::Vec;

use crate::error::VerifyError;
use crate::field::{M31, QM31};
use crate::hash::Digest;

/// Takes values off the front of a byte string.
#[derive(Debug)]
pub struct Reader<'a> {
    bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    /// A reader at the start of `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    /// The next `count` bytes.
    ///
    /// # Errors
    /// [`VerifyError::Truncated`] if fewer remain; so for every other method.
    pub fn take(&mut self, count: usize) -> Result<&'a [u8], VerifyError> {
        let (head, tail) = self
            .bytes
            .split_at_checked(count)
            .ok_or(VerifyError::Truncated)?;
        self.bytes = tail;
        Ok(head)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], VerifyError> {
        self.take(N)?.try_into().map_err(|_| VerifyError::Truncated)
    }

    /// One byte.
    pub fn u8(&mut self) -> Result<u8, VerifyError> {
        self.array::<1>().map(u8::from_le_bytes)
    }

    /// A signed byte.
    pub fn i8(&mut self) -> Result<i8, VerifyError> {
        self.array().map(i8::from_le_bytes)
    }

    /// Two bytes.
    pub fn u16(&mut self) -> Result<u16, VerifyError> {
        self.array().map(u16::from_le_bytes)
    }

    /// Four bytes.
    pub fn u32(&mut self) -> Result<u32, VerifyError> {
        self.array().map(u32::from_le_bytes)
    }

    /// Four bytes, two's complement.
    pub fn i32(&mut self) -> Result<i32, VerifyError> {
        self.array().map(i32::from_le_bytes)
    }

    /// Eight bytes.
    pub fn u64(&mut self) -> Result<u64, VerifyError> {
        self.array().map(u64::from_le_bytes)
    }

    /// Eight bytes, two's complement.
    pub fn i64(&mut self) -> Result<i64, VerifyError> {
        self.array().map(i64::from_le_bytes)
    }

    /// A canonical base-field element, four bytes.
    pub fn m31(&mut self) -> Result<M31, VerifyError> {
        M31::new(self.u32()?).ok_or(VerifyError::NonCanonical)
    }

    /// A canonical extension-field element, sixteen bytes.
    pub fn qm31(&mut self) -> Result<QM31, VerifyError> {
        QM31::from_bytes(self.array()?).ok_or(VerifyError::NonCanonical)
    }

    /// A digest.
    pub fn digest(&mut self) -> Result<Digest, VerifyError> {
        self.array().map(Digest)
    }

    /// A text: two bytes of length, then UTF-8.
    pub fn text(&mut self) -> Result<String, VerifyError> {
        let count = self.u16()?;
        let bytes = self.take(count.into())?;
        core::str::from_utf8(bytes)
            .map(String::from)
            .map_err(|_| VerifyError::UndefinedValue)
    }

    /// `count` items.
    pub fn many<T>(
        &mut self,
        count: usize,
        mut item: impl FnMut(&mut Self) -> Result<T, VerifyError>,
    ) -> Result<Vec<T>, VerifyError> {
        (0..count).map(|_| item(self)).collect()
    }

    /// Four bytes of count, then the items, each of a byte at least.
    pub fn list<T>(
        &mut self,
        item: impl FnMut(&mut Self) -> Result<T, VerifyError>,
    ) -> Result<Vec<T>, VerifyError> {
        let count = usize::try_from(self.u32()?).map_err(|_| VerifyError::Truncated)?;
        self.many(count, item)
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// [`VerifyError::TrailingBytes`] if bytes remain.
    pub fn end(self) -> Result<(), VerifyError> {
        match self.bytes.len() {
            0 => Ok(()),
            count => Err(VerifyError::TrailingBytes { count }),
        }
    }
}

/// Appends values to a byte string; the mirror of [`Reader`].
#[derive(Debug, Default)]
pub struct Writer {
    /// What was written.
    pub bytes: Vec<u8>,
}

macro_rules! write_integers {
    ($($name:ident),+) => {
        $(#[doc = concat!("Appends a little-endian `", stringify!($name), "`.")]
        pub fn $name(&mut self, value: $name) {
            self.bytes.extend_from_slice(&value.to_le_bytes());
        })+
    };
}

impl Writer {
    write_integers!(u8, i8, u16, u32, i32, u64, i64);

    /// Appends a base-field element.
    pub fn m31(&mut self, value: &M31) {
        self.u32(value.value());
    }

    /// Appends an extension-field element.
    pub fn qm31(&mut self, value: &QM31) {
        self.bytes.extend_from_slice(&value.to_bytes());
    }

    /// Appends a digest.
    pub fn digest(&mut self, value: &Digest) {
        self.bytes.extend_from_slice(&value.0);
    }

    /// Appends a text, cut to 65,535 bytes at a character boundary.
    pub fn text(&mut self, value: &str) {
        let end = value.floor_char_boundary(usize::from(u16::MAX));
        let value = value.get(..end).unwrap_or_default();
        self.u16(u16::try_from(value.len()).unwrap_or_default());
        self.bytes.extend_from_slice(value.as_bytes());
    }

    /// Appends a count and the items. A list of more than `u32::MAX` items is not written whole;
    /// no value of this crate holds one.
    pub fn list<T>(&mut self, items: &[T], mut item: impl FnMut(&mut Self, &T)) {
        let count = u32::try_from(items.len()).unwrap_or(u32::MAX);
        self.u32(count);
        items.iter().for_each(|i| item(self, i));
    }
}
