//! The end of every arithmetic operator: divide, round, look up in a table.

use stwo_ml_verifier::vk::{TableId, TableOutput};

use super::{Accumulator, Compiler, MAX_ACCUMULATOR, Quantized};
use crate::circuit::box_bits;
use crate::compile::CompileError;
use crate::model::graph::{Activation, Node, ValueId};
use crate::model::reference::{Function, IntegerOp};

/// `floor((sum + d / 2) / d)`.
pub(super) fn rounded(sum: i64, divisor: i64) -> i64 {
    sum.saturating_add(divisor / 2).div_euclid(divisor)
}

impl Compiler<'_> {
    /// The scale at which an accumulator meets its table: what calibration wants, as far as the
    /// static bounds fit the table's domain.
    pub(super) fn table_scale(
        &self,
        value: ValueId,
        activation: Option<Activation>,
        node: &Node,
        bounds: (f64, f64),
    ) -> i32 {
        let wanted = match activation {
            // The table changes the scale; its input has the scale of the value before it.
            Some(Activation::Sigmoid | Activation::Tanh) => 30,
            Some(_) => self.wanted_scale(value),
            None => self.wanted_scale(node.output),
        };
        let magnitude = bounds.0.abs().max(bounds.1.abs());
        wanted.min(self.scale_within(magnitude, (self.half_domain() - 2) as f64))
    }

    /// The table of an activation whose input has the given scale, with the output's scale.
    fn table(
        &mut self,
        activation: Option<Activation>,
        scale: i32,
        value: ValueId,
    ) -> (TableId, i32, Function) {
        let (half, limit) = (self.half_domain() as i32, self.limit());
        let unit = libm::exp2(f64::from(scale));
        let integer = |x: f32| {
            libm::round(f64::from(x) * unit).clamp(f64::from(-limit), f64::from(limit)) as i32
        };
        let range = match activation {
            None => (-limit, limit),
            Some(Activation::Relu) => (0, limit),
            Some(Activation::Clip { min, max }) => (integer(min), integer(max)),
            Some(f) => {
                let out_scale = match f {
                    Activation::LeakyRelu { .. } => scale,
                    _ => self
                        .wanted_scale(value)
                        .min(i32::from(self.options.activation_bits)),
                };
                let out_unit = libm::exp2(f64::from(out_scale));
                let output = |x: i32| {
                    let y = libm::round(f.apply(f64::from(x) / unit) * out_unit);
                    y.clamp(f64::from(-limit), f64::from(limit)) as i32
                };
                let outputs: Vec<i32> = (-half..half).map(output).collect();
                let table = self.circuit.column_table(-half, outputs.clone());
                return (
                    table,
                    out_scale,
                    Function::Column {
                        base: -half,
                        outputs,
                    },
                );
            }
        };
        let table = self
            .circuit
            .clamp_table(-half, 2 * half as u32, range.0, range.1);
        (
            table,
            scale,
            Function::Clamp {
                lo: range.0,
                hi: range.1,
            },
        )
    }

    /// Divides an accumulator down to `scale`, applies the function that follows, and records the
    /// value. A result of the network that nothing else reads stays the exact sum.
    pub(super) fn finish(
        &mut self,
        node: &Node,
        op: IntegerOp,
        acc: Accumulator,
        scale: i32,
    ) -> Result<(), CompileError> {
        let (activation, value) = self.fused(node);
        if activation.is_none()
            && self.graph.outputs.contains(&value)
            && self.graph.uses(value) == 1
            && i8::try_from(acc.scale).is_ok()
        {
            return self.keep(node, op, acc);
        }
        let divisor = 1i64 << (acc.scale - scale);
        self.look_up(node, op, acc, scale, divisor, (activation, value))
    }

    /// Records an accumulator as it is.
    fn keep(&mut self, node: &Node, op: IntegerOp, acc: Accumulator) -> Result<(), CompileError> {
        check_accumulator(node, &acc, 1)?;
        let (lo, hi) = (acc.lo.min(0) as i32, acc.hi.max(0) as i32);
        let quantized = Quantized {
            tensor: self.circuit.equal(box_bits(&acc.dims), acc.terms, lo, hi),
            dims: acc.dims,
            scale: acc.scale,
            lo,
            hi,
            zero_padded: true,
        };
        self.record(node, node.output, quantized, op, 1, Function::None);
        Ok(())
    }

    /// Divides an accumulator, applies the table of a function, and records the value that the
    /// function defines.
    pub(super) fn look_up(
        &mut self,
        node: &Node,
        op: IntegerOp,
        acc: Accumulator,
        scale: i32,
        divisor: i64,
        (activation, value): (Option<Activation>, ValueId),
    ) -> Result<(), CompileError> {
        check_accumulator(node, &acc, divisor)?;
        let half = self.half_domain();
        let (lo, hi) = (
            rounded(acc.lo.min(0), divisor),
            rounded(acc.hi.max(0), divisor),
        );
        if lo < -half || hi >= half {
            let (node, op) = (node.name.clone(), node.op_type.clone());
            return Err(CompileError::TableDomain {
                node,
                op,
                lo,
                hi,
                domain: half,
            });
        }
        let (table, out_scale, function) = self.table(activation, scale, value);
        let log_size = box_bits(&acc.dims);
        let tensor = self.circuit.lookup(
            log_size,
            acc.terms,
            (divisor / 2) as i32,
            divisor as u32,
            table,
        );
        let zero_padded = match self.circuit.tables[table as usize].output {
            TableOutput::Clamp { lo, hi } => lo <= 0 && 0 <= hi,
            _ => false,
        };
        let (lo, hi) = self.circuit.output_bounds(table);
        let quantized = Quantized {
            tensor,
            dims: acc.dims,
            scale: out_scale,
            lo,
            hi,
            zero_padded,
        };
        self.record(node, value, quantized, op, divisor, function);
        Ok(())
    }
}

/// Refuses sums that do not stay clear of the field's characteristic.
fn check_accumulator(node: &Node, acc: &Accumulator, divisor: i64) -> Result<(), CompileError> {
    let bound = acc.lo.abs().max(acc.hi.abs()) + divisor;
    if bound < MAX_ACCUMULATOR {
        return Ok(());
    }
    let (node, op) = (node.name.clone(), node.op_type.clone());
    Err(CompileError::Accumulator {
        node,
        op,
        bound,
        limit: MAX_ACCUMULATOR,
    })
}
