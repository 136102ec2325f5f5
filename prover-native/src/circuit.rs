//! The circuit builder: what a compiled model is made of, and how the prover solves it.
//!
//! A component (one operator family) adds tensors, lookups and vanishing expressions, and the
//! builder records the [`Step`]s by which the prover later finds the values of the tensors. The
//! verifier sees none of the steps: it checks the relations, whoever found the values.

use std::collections::HashMap;

use stwo_ml_verifier::vk::{
    Bits, Expression, Factor, Lookup, Oracle, Port, Table, TableId, TableOutput, Tensor, TensorId,
    Term, Wiring, Zero,
};

/// Base-two logarithm of the largest lookup table, and the width of a limb of a remainder.
pub const MAX_TABLE_LOG: u32 = 16;

/// How the prover finds values. Steps run in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Divides: with `S` the constant plus every term of the lookup's input expression that is
    /// not a remainder, `S = divisor * v + r`; the limbs of `r`, lowest first, are the
    /// remainders, `v` is looked up, and the looked-up output less the other terms of the output
    /// expression is the defined tensor.
    Lookup {
        /// Index of the lookup.
        lookup: usize,
        /// Limbs of the remainder, lowest first; all but the last have [`MAX_TABLE_LOG`] bits.
        remainders: Vec<Remainder>,
        /// Tensor that the lookup defines (absent for a mere range check).
        defines: Option<TensorId>,
    },
    /// A vanishing expression whose last term is minus the tensor that it defines.
    Equal {
        /// Index of the vanishing expression.
        zero: usize,
        /// The tensor.
        defines: TensorId,
    },
}

/// One limb of a remainder and its range check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Remainder {
    /// The limb.
    pub tensor: TensorId,
    /// Index of its range lookup.
    pub lookup: usize,
}

/// A circuit under construction. Offsets in the oracles are assigned when it is compiled.
#[derive(Clone, Debug, Default)]
pub struct Circuit {
    /// Name of the model.
    pub name: String,
    /// All tensors, offsets not yet assigned.
    pub tensors: Vec<Tensor>,
    /// Content of each weight tensor (padded to its size); `None` for witness tensors.
    pub weights: Vec<Option<Vec<i32>>>,
    /// All tables.
    pub tables: Vec<Table>,
    /// All lookups.
    pub lookups: Vec<Lookup>,
    /// All vanishing expressions.
    pub zeros: Vec<Zero>,
    /// Public inputs.
    pub inputs: Vec<Port>,
    /// Public outputs.
    pub outputs: Vec<Port>,
    /// How to solve the circuit.
    pub steps: Vec<Step>,
    range_tables: HashMap<u32, TableId>,
    clamp_tables: HashMap<(i32, u32, i32, i32), TableId>,
    column_tables: HashMap<(i32, Vec<i32>), TableId>,
}

/// `ceil(log2(n))` for `n >= 1`: the bits of an axis of `n` positions.
pub fn axis_bits(n: usize) -> u32 {
    n.max(1).next_power_of_two().trailing_zeros()
}

/// `ceil(log2)` of the padded box of a shape: the sum of the bits of its axes.
pub fn box_bits(dims: &[usize]) -> u32 {
    dims.iter().map(|&d| axis_bits(d)).sum()
}

/// The bit range of each axis of a shape, last axis lowest.
pub fn axis_ranges(dims: &[usize]) -> Vec<Bits> {
    let mut shift = 0;
    let mut ranges: Vec<Bits> = dims
        .iter()
        .rev()
        .map(|&d| {
            let count = axis_bits(d) as u8;
            let range = Bits { shift, count };
            shift += count;
            range
        })
        .collect();
    ranges.reverse();
    ranges
}

/// Copies a row-major tensor into its padded box.
pub fn embed<T: Copy + Default>(values: &[T], dims: &[usize]) -> Vec<T> {
    let mut out = vec![T::default(); 1 << box_bits(dims)];
    for (flat, &v) in values.iter().enumerate() {
        out[embed_index(flat, dims)] = v;
    }
    out
}

/// Copies the real cells of a padded box into a row-major tensor.
pub fn extract<T: Copy>(cells: &[T], dims: &[usize]) -> Vec<T> {
    (0..dims.iter().product())
        .map(|flat| cells[embed_index(flat, dims)])
        .collect()
}

/// Position in the padded box of a row-major index.
pub fn embed_index(mut flat: usize, dims: &[usize]) -> usize {
    let (mut index, mut shift) = (0, 0);
    for &d in dims.iter().rev() {
        index |= (flat % d) << shift;
        flat /= d;
        shift += axis_bits(d);
    }
    index
}

/// The factor of a tensor read whole, padded cells included.
pub fn whole(log_size: u32) -> Factor {
    let bits = Bits {
        shift: 0,
        count: log_size as u8,
    };
    Factor {
        out: bits,
        left: Bits::default(),
        right: bits,
        wiring: Wiring::Diagonal { len: 1 << log_size },
    }
}

impl Circuit {
    /// An empty circuit.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            ..Self::default()
        }
    }

    /// Adds a witness tensor of `2^log_size` cells in `lo..=hi`.
    pub fn witness(&mut self, log_size: u32, lo: i32, hi: i32) -> TensorId {
        self.push(Oracle::Witness, log_size, lo, hi, None)
    }

    /// Adds a weight tensor; `cells` is the padded box, a power of two of cells.
    pub fn weight(&mut self, cells: Vec<i32>) -> TensorId {
        let (lo, hi) = (*cells.iter().min().unwrap(), *cells.iter().max().unwrap());
        self.push(
            Oracle::Weights,
            cells.len().trailing_zeros(),
            lo,
            hi,
            Some(cells),
        )
    }

    fn push(
        &mut self,
        oracle: Oracle,
        log_size: u32,
        lo: i32,
        hi: i32,
        cells: Option<Vec<i32>>,
    ) -> TensorId {
        self.tensors.push(Tensor {
            oracle,
            offset: 0,
            log_size: log_size as u8,
            lo,
            hi,
        });
        self.weights.push(cells);
        (self.tensors.len() - 1) as TensorId
    }

    fn table(&mut self, base: i32, len: u32, output: TableOutput) -> TableId {
        let log_size = axis_bits(len as usize);
        assert!(
            log_size <= MAX_TABLE_LOG,
            "a lookup table has at most 2^16 rows"
        );
        let multiplicity = self.witness(log_size, 0, i32::MAX - 1);
        self.tables.push(Table {
            log_size: log_size as u8,
            base,
            len,
            output,
            multiplicity,
        });
        (self.tables.len() - 1) as TableId
    }

    /// The range check `0 <= v < len`, `1 <= len <= 2^16`; one table per `len`.
    pub fn range_table(&mut self, len: u32) -> TableId {
        if let Some(&id) = self.range_tables.get(&len) {
            return id;
        }
        let id = self.table(0, len, TableOutput::None);
        self.range_tables.insert(len, id);
        id
    }

    /// The table `x -> clamp(x, lo, hi)` on `base .. base + len`.
    pub fn clamp_table(&mut self, base: i32, len: u32, lo: i32, hi: i32) -> TableId {
        if let Some(&id) = self.clamp_tables.get(&(base, len, lo, hi)) {
            return id;
        }
        let id = self.table(base, len, TableOutput::Clamp { lo, hi });
        self.clamp_tables.insert((base, len, lo, hi), id);
        id
    }

    /// The table `x -> outputs[x - base]`; the outputs are committed with the weights.
    pub fn column_table(&mut self, base: i32, outputs: Vec<i32>) -> TableId {
        let key = (base, outputs);
        if let Some(&id) = self.column_tables.get(&key) {
            return id;
        }
        let len = key.1.len() as u32;
        let mut cells = key.1.clone();
        cells.resize(
            len.next_power_of_two() as usize,
            *key.1.last().expect("a row"),
        );
        let column = self.weight(cells);
        let id = self.table(base, len, TableOutput::Column(column));
        self.column_tables.insert(key, id);
        id
    }

    /// Least and greatest output of a table with two columns.
    pub fn output_bounds(&self, table: TableId) -> (i32, i32) {
        let table = &self.tables[table as usize];
        let last = table.base + table.len as i32 - 1;
        match table.output {
            TableOutput::None => (table.base, last),
            TableOutput::Clamp { lo, hi } => (table.base.clamp(lo, hi), last.clamp(lo, hi)),
            TableOutput::Column(t) => {
                let t = &self.tensors[t as usize];
                (t.lo, t.hi)
            }
        }
    }

    /// A term that reads a tensor whole.
    pub fn read(&self, coefficient: i32, tensor: TensorId) -> Term {
        let t = &self.tensors[tensor as usize];
        Term {
            coefficient,
            left: None,
            right: tensor,
            factors: vec![whole(t.log_size.into())],
            lo: t.lo.into(),
            hi: t.hi.into(),
        }
    }

    /// Adds `y = table(floor((constant + terms) / divisor))` on a box of `2^log_size` cells.
    ///
    /// With `constant = divisor / 2` this rounds half up. The remainder is range-checked: in one
    /// lookup if the divisor is at most `2^16`, else (a power of two) in limbs of 16 bits.
    pub fn lookup(
        &mut self,
        log_size: u32,
        mut terms: Vec<Term>,
        constant: i32,
        divisor: u32,
        table: TableId,
    ) -> TensorId {
        let remainders = self.remainders(log_size, divisor, &mut terms);
        let (lo, hi) = self.output_bounds(table);
        let y = self.witness(log_size, lo, hi);
        let output = Expression {
            divisor: 1,
            constant: 0,
            terms: vec![self.read(1, y)],
        };
        self.lookups.push(Lookup {
            log_size: log_size as u8,
            table,
            input: Expression {
                divisor,
                constant,
                terms,
            },
            output: Some(output),
        });
        let lookup = self.lookups.len() - 1;
        self.steps.push(Step::Lookup {
            lookup,
            remainders,
            defines: Some(y),
        });
        y
    }

    fn remainders(&mut self, log_size: u32, divisor: u32, terms: &mut Vec<Term>) -> Vec<Remainder> {
        let mut limbs = Vec::new();
        if divisor == 1 {
            return limbs;
        }
        let mut rest = divisor;
        let mut weight = 1i32;
        loop {
            let len = if rest <= 1 << MAX_TABLE_LOG {
                rest
            } else {
                assert!(
                    rest.is_power_of_two(),
                    "a divisor above 2^16 is a power of two"
                );
                1 << MAX_TABLE_LOG
            };
            let range = self.range_table(len);
            let tensor = self.witness(log_size, 0, len as i32 - 1);
            let input = Expression {
                divisor: 1,
                constant: 0,
                terms: vec![self.read(1, tensor)],
            };
            self.lookups.push(Lookup {
                log_size: log_size as u8,
                table: range,
                input,
                output: None,
            });
            limbs.push(Remainder {
                tensor,
                lookup: self.lookups.len() - 1,
            });
            terms.push(self.read(-weight, tensor));
            if rest <= 1 << MAX_TABLE_LOG {
                return limbs;
            }
            rest >>= MAX_TABLE_LOG;
            weight <<= MAX_TABLE_LOG;
        }
    }

    /// Adds `m = max(a, b)` on a box of `2^log_size` cells, where `a` and `b` are sums of linear
    /// terms with the given bounds: `m - a = max(0, b - a)`, so that `m - a` and `m - b` are
    /// non-negative and one of them is zero.
    pub fn maximum(
        &mut self,
        log_size: u32,
        a: (Vec<Term>, i32, i32),
        b: (Vec<Term>, i32, i32),
        relu: TableId,
    ) -> TensorId {
        let negate = |t: &Term| Term {
            coefficient: -t.coefficient,
            ..t.clone()
        };
        let m = self.witness(log_size, a.1.max(b.1), a.2.max(b.2));
        let input = b.0.iter().cloned().chain(a.0.iter().map(negate)).collect();
        let output = std::iter::once(self.read(1, m))
            .chain(a.0.iter().map(negate))
            .collect();
        self.lookups.push(Lookup {
            log_size: log_size as u8,
            table: relu,
            input: Expression {
                divisor: 1,
                constant: 0,
                terms: input,
            },
            output: Some(Expression {
                divisor: 1,
                constant: 0,
                terms: output,
            }),
        });
        let lookup = self.lookups.len() - 1;
        self.steps.push(Step::Lookup {
            lookup,
            remainders: Vec::new(),
            defines: Some(m),
        });
        m
    }

    /// Adds `y = sum of terms`, without rounding, on a box of `2^log_size` cells; padded cells
    /// are zero.
    pub fn equal(&mut self, log_size: u32, mut terms: Vec<Term>, lo: i32, hi: i32) -> TensorId {
        let y = self.witness(log_size, lo, hi);
        terms.push(self.read(-1, y));
        self.zeros.push(Zero {
            log_size: log_size as u8,
            expression: Expression {
                divisor: 1,
                constant: 0,
                terms,
            },
        });
        self.steps.push(Step::Equal {
            zero: self.zeros.len() - 1,
            defines: y,
        });
        y
    }

    /// Adds a public input and its tensor.
    pub fn input(&mut self, name: &str, dims: &[usize], scale: i8, lo: i32, hi: i32) -> TensorId {
        let tensor = self.witness(box_bits(dims), lo, hi);
        let dims = dims.iter().map(|&d| d as u32).collect();
        self.inputs.push(Port {
            name: name.into(),
            dims,
            scale,
            tensor,
        });
        tensor
    }

    /// Makes a tensor a public output.
    pub fn output(&mut self, name: &str, dims: &[usize], scale: i8, tensor: TensorId) {
        let dims = dims.iter().map(|&d| d as u32).collect();
        self.outputs.push(Port {
            name: name.into(),
            dims,
            scale,
            tensor,
        });
    }
}
