//! Operators that slide a window: convolution and pooling.

use super::translate::Translated;
use super::{ImportError, Importer, Source};
use crate::model::graph::{Op, ValueId, Window};

/// The number of windows, or none if no window fits.
fn window_count(len: usize, window: &Window, axis: usize, ceil: bool) -> Option<usize> {
    let span = (window.kernel[axis] - 1)
        .checked_mul(window.dilations[axis])?
        .checked_add(1)?;
    let padded = len
        .checked_add(window.begin[axis])?
        .checked_add(window.end[axis])?;
    let room = padded.checked_sub(span)?;
    let stride = window.strides[axis];
    let steps = match ceil {
        true => room.div_ceil(stride),
        false => room / stride,
    };
    Some(steps + 1)
}

impl Importer {
    /// The window that the attributes describe, `auto_pad` resolved.
    fn window(
        &self,
        source: &Source<'_>,
        space: &[usize],
        kernel: Vec<usize>,
    ) -> Result<Window, ImportError> {
        let axes = space.len();
        let mut window = Window {
            strides: source.sizes("strides", axes, 1)?,
            dilations: source.sizes("dilations", axes, 1)?,
            kernel,
            begin: vec![0; axes],
            end: vec![0; axes],
        };
        let auto = source.text("auto_pad", "NOTSET")?;
        let pads = source.ints("pads")?;
        if !matches!(&auto[..], "NOTSET" | "") && pads.iter().flatten().any(|p| *p != 0) {
            return Err(source.fail("it has both `auto_pad` and `pads`"));
        }
        match &auto[..] {
            "NOTSET" | "" => {
                let pads = pads.unwrap_or_else(|| vec![0; 2 * axes]);
                if pads.len() != 2 * axes || pads.iter().any(|p| !(0..=1 << 20).contains(p)) {
                    return Err(source.fail(format!(
                        "`pads` is {pads:?}, expected {} numbers from 0",
                        2 * axes
                    )));
                }
                window.begin = pads[..axes].iter().map(|p| *p as usize).collect();
                window.end = pads[axes..].iter().map(|p| *p as usize).collect();
            }
            "VALID" => {}
            "SAME_UPPER" | "SAME_LOWER" => {
                for (a, len) in space.iter().enumerate() {
                    let count = len.div_ceil(window.strides[a]);
                    let span = (window.kernel[a] - 1) * window.dilations[a] + 1;
                    let total = ((count - 1) * window.strides[a] + span).saturating_sub(*len);
                    let (less, more) = (total / 2, total - total / 2);
                    (window.begin[a], window.end[a]) = if auto == "SAME_UPPER" {
                        (less, more)
                    } else {
                        (more, less)
                    };
                }
            }
            other => return Err(source.fail(format!("`auto_pad` {other} is not supported"))),
        }
        Ok(window)
    }

    fn spatial(
        &self,
        source: &Source<'_>,
        x: ValueId,
    ) -> Result<(usize, usize, Vec<usize>), ImportError> {
        match self.graph.shape(x) {
            [n, c, space @ ..] if (1..=3).contains(&space.len()) => Ok((*n, *c, space.to_vec())),
            other => Err(source.fail(format!(
                "its input of shape {other:?} must have a batch, channels and 1 to 3 spatial axes"
            ))),
        }
    }

    pub(super) fn conv(&mut self, source: &Source<'_>) -> Result<Translated, ImportError> {
        let known = &[
            "auto_pad",
            "dilations",
            "group",
            "kernel_shape",
            "pads",
            "strides",
        ];
        source.only(known, 3)?;
        let x = self.operand(source, 0)?;
        let (batch, channels, space) = self.spatial(source, x)?;
        let weight = self.needed_constant(source, 1)?;
        let kernel = weight.shape().get(2..).unwrap_or_default().to_vec();
        let group = source.int("group", 1)?;
        let fits = kernel.len() == space.len()
            && kernel.iter().all(|k| *k > 0)
            && group > 0
            && weight.shape()[1].checked_mul(group as usize) == Some(channels)
            && weight.shape()[0].is_multiple_of(group as usize);
        if !fits {
            return Err(source.fail(format!(
                "its weight of shape {:?} does not fit {channels} channels in {group} groups",
                weight.shape()
            )));
        }
        if source
            .ints("kernel_shape")?
            .is_some_and(|k| k.iter().map(|v| *v as usize).ne(kernel.iter().copied()))
        {
            return Err(source.fail("`kernel_shape` is not its weight's"));
        }
        let outputs = weight.shape()[0];
        let bias: Option<Vec<f32>> = self
            .float_constant(source, 2)?
            .map(|b| b.iter().copied().collect());
        if bias.as_ref().is_some_and(|b| b.len() != outputs) {
            return Err(source.fail(format!("its bias does not have {outputs} values")));
        }
        let window = self.window(source, &space, kernel)?;
        let mut shape = vec![batch, outputs];
        for (a, len) in space.iter().enumerate() {
            let count = window_count(*len, &window, a, false);
            shape.push(count.ok_or_else(|| source.fail("its kernel is larger than its input"))?);
        }
        let group = group as usize;
        Ok((
            Op::Conv {
                weight,
                bias,
                window,
                group,
            },
            vec![x],
            shape,
        ))
    }

    pub(super) fn pool(&mut self, source: &Source<'_>) -> Result<Translated, ImportError> {
        let op = &source.proto.op_type[..];
        let known: &[&str] = match op {
            "MaxPool" => &[
                "auto_pad",
                "ceil_mode",
                "dilations",
                "kernel_shape",
                "pads",
                "strides",
                "storage_order",
            ],
            "AveragePool" => &[
                "auto_pad",
                "ceil_mode",
                "count_include_pad",
                "dilations",
                "kernel_shape",
                "pads",
                "strides",
            ],
            _ => &[],
        };
        source.only(known, 1)?;
        let x = self.operand(source, 0)?;
        let (batch, channels, space) = self.spatial(source, x)?;
        let axes = space.len();
        let kernel = match op {
            "GlobalAveragePool" => space.clone(),
            _ if source.ints("kernel_shape")?.is_none() => {
                return Err(source.fail("`kernel_shape` is missing"));
            }
            _ => source.sizes("kernel_shape", axes, 1)?,
        };
        let window = self.window(source, &space, kernel)?;
        let ceil = source.int("ceil_mode", 0)? != 0;
        let mut shape = vec![batch, channels];
        for (a, len) in space.iter().enumerate() {
            let count = window_count(*len, &window, a, ceil);
            shape.push(count.ok_or_else(|| source.fail("its kernel is larger than its input"))?);
            // With `ceil_mode`, operator sets before 22 keep such a window and later ones do not.
            if (0..shape[2 + a]).any(|y| window.taps(a, y, *len).is_empty()) {
                return Err(source.fail("a window lies in the padding alone"));
            }
        }
        let include_pad = source.int("count_include_pad", 0)? != 0;
        let op = match op {
            "MaxPool" => Op::MaxPool(window),
            _ => Op::AveragePool {
                window,
                include_pad,
            },
        };
        Ok((op, vec![x], shape))
    }
}
