//! Convolutions.

use ndarray::ArrayD;
use stwo_ml_verifier::vk::{Bits, Entry, Factor, Term, Wiring};

use super::{Accumulator, Compiler, NONE, count_bits, narrow, shared};
use crate::circuit::{axis_ranges, embed};
use crate::compile::CompileError;
use crate::model::graph::{Node, Window};
use crate::model::reference::IntegerOp;

impl Compiler<'_> {
    pub(super) fn conv(
        &mut self,
        node: &Node,
        weight: &ArrayD<f32>,
        bias: Option<&[f32]>,
        window: &Window,
        group: usize,
    ) -> Result<(), CompileError> {
        let input = self.shaped(node, 0)?;
        let dims = self.graph.shape(node.output).to_vec();
        let kernel = weight.shape().to_vec();
        let (outputs, channels) = (kernel[0], kernel[1]);
        let values = weight.as_slice().expect("standard layout");
        let rows = self.rows(node, values, bias, &input, outputs)?;
        let left = self
            .circuit
            .weight(embed(&narrow(node, rows.weight.clone())?, &kernel));
        let (out, own, right) = (
            axis_ranges(&dims),
            axis_ranges(&kernel),
            axis_ranges(&input.dims),
        );
        let mut factors = vec![shared(out[0], NONE, right[0], dims[0])];
        if group == 1 {
            factors.push(shared(out[1], own[0], NONE, outputs));
            factors.push(shared(NONE, own[1], right[1], channels));
        } else {
            // The output channel, the kernel's two channel axes (adjacent in its box) and the
            // input channel are one relation.
            let per_group = outputs / group;
            let entries = (0..outputs).flat_map(|o| {
                (0..channels).map(move |c| Entry {
                    out: o as u32,
                    left: ((o << count_bits(channels)) | c) as u32,
                    right: (o / per_group * channels + c) as u32,
                    weight: 1,
                })
            });
            let both = Bits {
                shift: own[1].shift,
                count: own[0].count + own[1].count,
            };
            let wiring = Wiring::Entries(entries.collect());
            factors.push(Factor {
                out: out[1],
                left: both,
                right: right[1],
                wiring,
            });
        }
        for a in 0..window.kernel.len() {
            let wiring = Wiring::Window {
                out_len: dims[2 + a] as u32,
                taps: window.kernel[a] as u32,
                right_len: input.dims[2 + a] as u32,
                stride: window.strides[a] as u32,
                dilation: window.dilations[a] as u32,
                padding: window.begin[a] as u32,
            };
            factors.push(Factor {
                out: out[2 + a],
                left: own[2 + a],
                right: right[2 + a],
                wiring,
            });
        }
        let (lo, hi) = rows.products;
        let mut terms = vec![Term {
            coefficient: 1,
            left: Some(left),
            right: input.tensor,
            factors,
            lo,
            hi,
        }];
        terms.extend(self.bias_term(node, &rows.bias, &dims, 1)?);
        let (lo, hi) = rows.sum;
        let acc = Accumulator {
            dims,
            terms,
            scale: rows.accumulator_scale,
            lo,
            hi,
        };
        let op = IntegerOp::Conv {
            weight: rows.weight,
            bias: rows.bias,
            kernel,
            window: window.clone(),
            group,
        };
        self.finish(node, op, acc, rows.scale)
    }
}
