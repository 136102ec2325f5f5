//! The canonical encoding of the key, and its digest.
//!
//! Every type lists its fields once, in the order of the file, for reading and for writing.

use alloc::string::String;
use alloc::vec::Vec;

use super::{
    Bits, Entry, Expression, Factor, Lookup, Oracle, Port, Table, TableOutput, Tensor, Term, Vk,
    Wiring, Zero,
};
use crate::codec::{Reader, Writer};
use crate::error::VerifyError;
use crate::hash::{self, Digest};
use crate::security::Level;

/// First bytes of a key file.
pub const VK_MAGIC: &[u8; 8] = b"stwomlVK";
/// Version of the key file.
pub const VK_VERSION: u16 = 1;
/// Largest key file that is read, in bytes.
pub const MAX_VK_BYTES: usize = 16 << 20;

impl Vk {
    /// The digest of the key, which stands for the model: Blake2s-256 of the key file without
    /// its last 32 bytes, which are the digest.
    pub fn digest(&self) -> Digest {
        hash::blake2s(&[&self.encode_body()])
    }

    /// Encodes a key file: magic, version, content, digest.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = self.encode_body();
        bytes.extend_from_slice(&hash::blake2s(&[&bytes]).0);
        bytes
    }

    /// Decodes and validates a key file.
    ///
    /// # Errors
    /// A [`VerifyError`] of stage `Decode` or `Key`.
    pub fn decode(bytes: &[u8]) -> Result<Self, VerifyError> {
        if bytes.len() > MAX_VK_BYTES {
            return Err(VerifyError::TooLarge {
                limit: MAX_VK_BYTES,
                got: bytes.len(),
            });
        }
        let mut head = Reader::new(bytes);
        if head.take(VK_MAGIC.len())? != VK_MAGIC {
            return Err(VerifyError::WrongMagic);
        }
        let version = head.u16()?;
        if version != VK_VERSION {
            return Err(VerifyError::UnsupportedVersion { got: version });
        }
        let (content, digest) = bytes
            .split_last_chunk::<32>()
            .ok_or(VerifyError::Truncated)?;
        if hash::blake2s(&[content]).0 != *digest {
            return Err(VerifyError::DigestMismatch);
        }
        let mut r = Reader::new(content);
        r.take(VK_MAGIC.len().saturating_add(2))?;
        let vk = Self::read(&mut r)?;
        r.end()?;
        vk.validate()?;
        Ok(vk)
    }

    fn encode_body(&self) -> Vec<u8> {
        let mut w = Writer::default();
        w.bytes.extend_from_slice(VK_MAGIC);
        w.u16(VK_VERSION);
        self.write(&mut w);
        w.bytes
    }
}

/// A value inside a key file.
trait Encoded: Sized {
    fn write(&self, w: &mut Writer);
    fn read(r: &mut Reader<'_>) -> Result<Self, VerifyError>;
}

macro_rules! integers {
    ($($name:ident),+) => {$(
        impl Encoded for $name {
            fn write(&self, w: &mut Writer) {
                w.$name(*self);
            }
            fn read(r: &mut Reader<'_>) -> Result<Self, VerifyError> {
                r.$name()
            }
        }
    )+};
}

/// The fields, one after the other.
macro_rules! structures {
    ($($name:ident { $($field:ident),+ })+) => {$(
        impl Encoded for $name {
            fn write(&self, w: &mut Writer) {
                let Self { $($field),+ } = self;
                $($field.write(w);)+
            }
            fn read(r: &mut Reader<'_>) -> Result<Self, VerifyError> {
                Ok(Self { $($field: Encoded::read(r)?),+ })
            }
        }
    )+};
}

/// One byte that names the variant, then its fields.
macro_rules! enumerations {
    ($($name:ident { $($tag:literal = $variant:ident { $($key:tt: $field:ident),* }),+ })+) => {$(
        impl Encoded for $name {
            fn write(&self, w: &mut Writer) {
                match self {
                    $(Self::$variant { $($key: $field),* } => {
                        w.u8($tag);
                        $($field.write(w);)*
                    })+
                }
            }
            fn read(r: &mut Reader<'_>) -> Result<Self, VerifyError> {
                match r.u8()? {
                    $($tag => Ok(Self::$variant { $($key: Encoded::read(r)?),* }),)+
                    _ => Err(VerifyError::UndefinedValue),
                }
            }
        }
    )+};
}

integers!(u8, i8, u32, i32, i64);

structures! {
    Vk {
        name, level, log_rows, log_witness_columns, log_weight_columns, weights,
        tensors, tables, lookups, zeros, inputs, outputs
    }
    Tensor { oracle, offset, log_size, lo, hi }
    Table { log_size, base, len, output, multiplicity }
    Lookup { log_size, table, input, output }
    Zero { log_size, expression }
    Expression { divisor, constant, terms }
    Term { coefficient, left, right, factors, lo, hi }
    Factor { out, left, right, wiring }
    Bits { shift, count }
    Entry { out, left, right, weight }
    Port { name, dims, scale, tensor }
}

enumerations! {
    Oracle { 0 = Witness {}, 1 = Weights {} }
    TableOutput { 0 = None {}, 1 = Clamp { lo: lo, hi: hi }, 2 = Column { 0: tensor } }
    Wiring {
        0 = Diagonal { len: len },
        1 = Window {
            out_len: out_len, taps: taps, right_len: right_len,
            stride: stride, dilation: dilation, padding: padding
        },
        2 = Reshape { out_dims: out_dims, right_dims: right_dims },
        3 = Entries { 0: entries }
    }
}

impl Encoded for Level {
    fn write(&self, w: &mut Writer) {
        w.u8(self.number());
    }

    fn read(r: &mut Reader<'_>) -> Result<Self, VerifyError> {
        let got = r.u8()?;
        Self::from_number(got).ok_or(VerifyError::UnknownLevel { got })
    }
}

impl Encoded for String {
    fn write(&self, w: &mut Writer) {
        w.text(self);
    }

    fn read(r: &mut Reader<'_>) -> Result<Self, VerifyError> {
        r.text()
    }
}

impl Encoded for Digest {
    fn write(&self, w: &mut Writer) {
        w.digest(self);
    }

    fn read(r: &mut Reader<'_>) -> Result<Self, VerifyError> {
        r.digest()
    }
}

impl<T: Encoded> Encoded for Vec<T> {
    fn write(&self, w: &mut Writer) {
        w.list(self, |w, item| item.write(w));
    }

    fn read(r: &mut Reader<'_>) -> Result<Self, VerifyError> {
        r.list(T::read)
    }
}

impl<T: Encoded> Encoded for Option<T> {
    fn write(&self, w: &mut Writer) {
        w.u8(self.is_some().into());
        self.iter().for_each(|item| item.write(w));
    }

    fn read(r: &mut Reader<'_>) -> Result<Self, VerifyError> {
        match r.u8()? {
            0 => Ok(None),
            1 => T::read(r).map(Some),
            _ => Err(VerifyError::UndefinedValue),
        }
    }
}
