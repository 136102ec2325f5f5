//! The canonical encoding of the key, and its digest.

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
        let vk = read_vk(&mut r)?;
        r.end()?;
        vk.validate()?;
        Ok(vk)
    }

    fn encode_body(&self) -> Vec<u8> {
        let mut w = Writer::default();
        w.bytes.extend_from_slice(VK_MAGIC);
        w.u16(VK_VERSION);
        w.text(&self.name);
        w.u8(self.level.number());
        w.u8(self.log_rows);
        w.u8(self.log_witness_columns);
        w.u8(self.log_weight_columns);
        w.list(&self.weights, |w, d| w.digest(d));
        w.list(&self.tensors, |w, t| {
            w.u8(match t.oracle {
                Oracle::Witness => 0,
                Oracle::Weights => 1,
            });
            w.u32(t.offset);
            w.u8(t.log_size);
            w.i32(t.lo);
            w.i32(t.hi);
        });
        w.list(&self.tables, write_table);
        w.list(&self.lookups, |w, l| {
            w.u8(l.log_size);
            w.u32(l.table);
            write_expression(w, &l.input);
            w.u8(l.output.is_some().into());
            l.output.iter().for_each(|e| write_expression(w, e));
        });
        w.list(&self.zeros, |w, z| {
            w.u8(z.log_size);
            write_expression(w, &z.expression);
        });
        for ports in [&self.inputs, &self.outputs] {
            w.list(ports, |w, p| {
                w.text(&p.name);
                w.list(&p.dims, |w, d| w.u32(*d));
                w.i8(p.scale);
                w.u32(p.tensor);
            });
        }
        w.bytes
    }
}

fn read_vk(r: &mut Reader<'_>) -> Result<Vk, VerifyError> {
    let name = r.text()?;
    let number = r.u8()?;
    Ok(Vk {
        name,
        level: Level::from_number(number).ok_or(VerifyError::UnknownLevel { got: number })?,
        log_rows: r.u8()?,
        log_witness_columns: r.u8()?,
        log_weight_columns: r.u8()?,
        weights: r.list(Reader::digest)?,
        tensors: r.list(|r| {
            let oracle = match r.u8()? {
                0 => Oracle::Witness,
                1 => Oracle::Weights,
                _ => return Err(VerifyError::UndefinedValue),
            };
            Ok(Tensor {
                oracle,
                offset: r.u32()?,
                log_size: r.u8()?,
                lo: r.i32()?,
                hi: r.i32()?,
            })
        })?,
        tables: r.list(read_table)?,
        lookups: r.list(|r| {
            Ok(Lookup {
                log_size: r.u8()?,
                table: r.u32()?,
                input: read_expression(r)?,
                output: match r.u8()? {
                    0 => None,
                    1 => Some(read_expression(r)?),
                    _ => return Err(VerifyError::UndefinedValue),
                },
            })
        })?,
        zeros: r.list(|r| {
            Ok(Zero {
                log_size: r.u8()?,
                expression: read_expression(r)?,
            })
        })?,
        inputs: r.list(read_port)?,
        outputs: r.list(read_port)?,
    })
}

fn read_port(r: &mut Reader<'_>) -> Result<Port, VerifyError> {
    Ok(Port {
        name: r.text()?,
        dims: r.list(Reader::u32)?,
        scale: r.i8()?,
        tensor: r.u32()?,
    })
}

fn write_table(w: &mut Writer, table: &Table) {
    w.u8(table.log_size);
    w.i32(table.base);
    w.u32(table.len);
    match table.output {
        TableOutput::None => w.u8(0),
        TableOutput::Clamp { lo, hi } => {
            w.u8(1);
            w.i32(lo);
            w.i32(hi);
        }
        TableOutput::Column(tensor) => {
            w.u8(2);
            w.u32(tensor);
        }
    }
    w.u32(table.multiplicity);
}

fn read_table(r: &mut Reader<'_>) -> Result<Table, VerifyError> {
    Ok(Table {
        log_size: r.u8()?,
        base: r.i32()?,
        len: r.u32()?,
        output: match r.u8()? {
            0 => TableOutput::None,
            1 => TableOutput::Clamp {
                lo: r.i32()?,
                hi: r.i32()?,
            },
            2 => TableOutput::Column(r.u32()?),
            _ => return Err(VerifyError::UndefinedValue),
        },
        multiplicity: r.u32()?,
    })
}

fn write_expression(w: &mut Writer, expression: &Expression) {
    w.u32(expression.divisor);
    w.i32(expression.constant);
    w.list(&expression.terms, |w, t| {
        w.i32(t.coefficient);
        w.u8(t.left.is_some().into());
        t.left.iter().for_each(|t| w.u32(*t));
        w.u32(t.right);
        w.list(&t.factors, write_factor);
        w.i64(t.lo);
        w.i64(t.hi);
    });
}

fn read_expression(r: &mut Reader<'_>) -> Result<Expression, VerifyError> {
    Ok(Expression {
        divisor: r.u32()?,
        constant: r.i32()?,
        terms: r.list(|r| {
            Ok(Term {
                coefficient: r.i32()?,
                left: match r.u8()? {
                    0 => None,
                    1 => Some(r.u32()?),
                    _ => return Err(VerifyError::UndefinedValue),
                },
                right: r.u32()?,
                factors: r.list(read_factor)?,
                lo: r.i64()?,
                hi: r.i64()?,
            })
        })?,
    })
}

fn write_factor(w: &mut Writer, factor: &Factor) {
    for bits in [factor.out, factor.left, factor.right] {
        w.u8(bits.shift);
        w.u8(bits.count);
    }
    match &factor.wiring {
        Wiring::Diagonal { len } => {
            w.u8(0);
            w.u32(*len);
        }
        Wiring::Window {
            out_len,
            taps,
            right_len,
            stride,
            dilation,
            padding,
        } => {
            w.u8(1);
            let fields = [out_len, taps, right_len, stride, dilation, padding];
            fields.iter().for_each(|v| w.u32(**v));
        }
        Wiring::Reshape {
            out_dims,
            right_dims,
        } => {
            w.u8(2);
            w.list(out_dims, |w, d| w.u32(*d));
            w.list(right_dims, |w, d| w.u32(*d));
        }
        Wiring::Entries(entries) => {
            w.u8(3);
            w.list(entries, |w, e| {
                [e.out, e.left, e.right].iter().for_each(|v| w.u32(*v));
                w.i32(e.weight);
            });
        }
    }
}

fn read_factor(r: &mut Reader<'_>) -> Result<Factor, VerifyError> {
    let mut bits = || {
        Ok(Bits {
            shift: r.u8()?,
            count: r.u8()?,
        })
    };
    let (out, left, right) = (bits()?, bits()?, bits()?);
    let wiring = match r.u8()? {
        0 => Wiring::Diagonal { len: r.u32()? },
        1 => Wiring::Window {
            out_len: r.u32()?,
            taps: r.u32()?,
            right_len: r.u32()?,
            stride: r.u32()?,
            dilation: r.u32()?,
            padding: r.u32()?,
        },
        2 => Wiring::Reshape {
            out_dims: r.list(Reader::u32)?,
            right_dims: r.list(Reader::u32)?,
        },
        3 => Wiring::Entries(r.list(|r| {
            Ok(Entry {
                out: r.u32()?,
                left: r.u32()?,
                right: r.u32()?,
                weight: r.i32()?,
            })
        })?),
        _ => return Err(VerifyError::UndefinedValue),
    };
    Ok(Factor {
        out,
        left,
        right,
        wiring,
    })
}
