//! One function per operator: the file's node to the normalised operator, its operands and the
//! shape of its result.

use ndarray::{ArrayD, IxDyn};

use super::{Constant, ImportError, Importer, Source};
use crate::model::graph::{Activation, Op, ValueId, Window};

type Translated = (Op, Vec<ValueId>, Vec<usize>);

/// The shape of `a` and `b` broadcast together, as numpy does.
fn broadcast(a: &[usize], b: &[usize]) -> Option<Vec<usize>> {
    let rank = a.len().max(b.len());
    let at = |s: &[usize], i: usize| (i + s.len()).checked_sub(rank).map_or(1, |j| s[j]);
    (0..rank)
        .map(|i| match (at(a, i), at(b, i)) {
            (x, y) if x == y || y == 1 => Some(x),
            (1, y) => Some(y),
            _ => None,
        })
        .collect()
}

/// The position just after the last window, or none if no window fits.
fn window_count(len: usize, window: &Window, axis: usize, ceil: bool) -> Option<usize> {
    let span = (window.kernel[axis] - 1)
        .checked_mul(window.dilations[axis])?
        .checked_add(1)?;
    let padded = len
        .checked_add(window.begin[axis])?
        .checked_add(window.end[axis])?;
    let room = padded.checked_sub(span)?;
    let stride = window.strides[axis];
    let mut count = if ceil {
        room.div_ceil(stride)
    } else {
        room / stride
    } + 1;
    // A window that starts in the padding after the input is left out.
    if ceil && (count - 1) * stride >= len + window.begin[axis] {
        count -= 1;
    }
    Some(count)
}

impl Importer {
    pub(super) fn translate(&mut self, source: &Source<'_>) -> Result<Translated, ImportError> {
        match &source.proto.op_type[..] {
            "Gemm" => self.gemm(source),
            "MatMul" => self.matmul(source),
            "Conv" => self.conv(source),
            "MaxPool" | "AveragePool" | "GlobalAveragePool" => self.pool(source),
            "Relu" => self.activation(source, Activation::Relu, &[]),
            "Sigmoid" => self.activation(source, Activation::Sigmoid, &[]),
            "Tanh" => self.activation(source, Activation::Tanh, &[]),
            "LeakyRelu" => {
                let alpha = source.float("alpha", 0.01);
                self.activation(source, Activation::LeakyRelu { alpha }, &["alpha"])
            }
            "Clip" => self.clip(source),
            "Neg" => {
                let x = self.operand(source, 0)?;
                let shape = self.graph.shape(x).to_vec();
                let constant = ArrayD::from_elem(shape.clone(), -1.0);
                Ok((Op::MulConst(constant), vec![x], shape))
            }
            "Add" | "Sub" | "Mul" | "Div" => self.arithmetic(source),
            "Concat" => self.concat(source),
            "Slice" => self.slice(source),
            "Pad" => self.pad(source),
            "Transpose" => self.transpose(source),
            _ => self.reshape(source),
        }
    }

    fn activation(
        &self,
        source: &Source<'_>,
        activation: Activation,
        known: &[&str],
    ) -> Result<Translated, ImportError> {
        source.only(known)?;
        let x = self.operand(source, 0)?;
        Ok((
            Op::Activation(activation),
            vec![x],
            self.graph.shape(x).to_vec(),
        ))
    }

    fn clip(&self, source: &Source<'_>) -> Result<Translated, ImportError> {
        let bound = |name: &str, i: usize, default: f32| -> Result<f32, ImportError> {
            if let Some(a) = source.attribute(name) {
                return Ok(a.f);
            }
            match self.float_constant(source, i)? {
                None => Ok(default),
                Some(c) if c.len() == 1 => Ok(*c.iter().next().expect("one element")),
                Some(_) => Err(source.fail(format!("`{name}` is not a single number"))),
            }
        };
        let min = bound("min", 1, f32::NEG_INFINITY)?;
        let max = bound("max", 2, f32::INFINITY)?;
        if min > max || min.is_nan() || max.is_nan() {
            return Err(source.fail(format!("its range {min}..={max} is empty")));
        }
        self.activation(source, Activation::Clip { min, max }, &["min", "max"])
    }

    fn gemm(&mut self, source: &Source<'_>) -> Result<Translated, ImportError> {
        source.only(&["alpha", "beta", "transA", "transB", "broadcast"])?;
        let mut x = self.operand(source, 0)?;
        let mut weight = self.needed_constant(source, 1)?;
        if weight.ndim() != 2 || self.graph.shape(x).len() != 2 {
            return Err(source.fail("its operands must have two axes"));
        }
        if source.int("transB", 0) == 0 {
            weight = weight.reversed_axes().as_standard_layout().into_owned();
        }
        if source.int("transA", 0) != 0 {
            let shape: Vec<usize> = self.graph.shape(x).iter().rev().copied().collect();
            let name = format!("{}.transposed", source.name);
            x = self.push(
                source,
                Op::Transpose { perm: vec![1, 0] },
                vec![x],
                shape,
                name,
            );
        }
        weight.mapv_inplace(|v| v * source.float("alpha", 1.0));
        let (rows, width) = (self.graph.shape(x)[0], self.graph.shape(x)[1]);
        let features = weight.shape()[0];
        if weight.shape()[1] != width {
            return Err(source.fail(format!(
                "its input has {width} features, its weight {}",
                weight.shape()[1]
            )));
        }
        let beta = source.float("beta", 1.0);
        let bias = match self.float_constant(source, 2)? {
            None => None,
            Some(c) => {
                let flat: Vec<f32> = c.iter().map(|v| v * beta).collect();
                match (c.shape(), flat.len()) {
                    (_, 1) => Some(vec![flat[0]; features]),
                    ([.., last], n) if *last == features && n == features => Some(flat),
                    _ => {
                        return Err(source.fail(format!(
                            "its bias of shape {:?} is not one value per feature",
                            c.shape()
                        )));
                    }
                }
            }
        };
        Ok((Op::Linear { weight, bias }, vec![x], vec![rows, features]))
    }

    fn matmul(&mut self, source: &Source<'_>) -> Result<Translated, ImportError> {
        source.only(&[])?;
        let x = self.operand(source, 0)?;
        let is_constant = source
            .input(1)
            .is_some_and(|n| self.constants.contains_key(n));
        if !is_constant {
            return Err(source.fail("its second operand must be a constant"));
        }
        let weight = self.needed_constant(source, 1)?;
        if weight.ndim() != 2 {
            return Err(source.fail("its constant must have two axes"));
        }
        let weight = weight.reversed_axes().as_standard_layout().into_owned();
        let mut shape = self.graph.shape(x).to_vec();
        match shape.last_mut() {
            Some(last) if *last == weight.shape()[1] => *last = weight.shape()[0],
            _ => {
                return Err(source.fail(format!(
                    "its operands have shapes {shape:?} and {:?}",
                    [weight.shape()[1], weight.shape()[0]]
                )));
            }
        }
        Ok((Op::Linear { weight, bias: None }, vec![x], shape))
    }

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
        let auto = source.text("auto_pad", "NOTSET");
        match &auto[..] {
            "NOTSET" | "" => {
                let pads = source.ints("pads").unwrap_or_else(|| vec![0; 2 * axes]);
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

    fn conv(&mut self, source: &Source<'_>) -> Result<Translated, ImportError> {
        source.only(&[
            "auto_pad",
            "dilations",
            "group",
            "kernel_shape",
            "pads",
            "strides",
        ])?;
        let x = self.operand(source, 0)?;
        let (batch, channels, space) = self.spatial(source, x)?;
        let weight = self.needed_constant(source, 1)?;
        let kernel = weight.shape().get(2..).unwrap_or_default().to_vec();
        let group = source.int("group", 1);
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
            .ints("kernel_shape")
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

    fn pool(&mut self, source: &Source<'_>) -> Result<Translated, ImportError> {
        let op = &source.proto.op_type[..];
        source.only(match op {
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
        })?;
        let x = self.operand(source, 0)?;
        let (batch, channels, space) = self.spatial(source, x)?;
        let axes = space.len();
        let kernel = match op {
            "GlobalAveragePool" => space.clone(),
            _ if source.attribute("kernel_shape").is_none() => {
                return Err(source.fail("`kernel_shape` is missing"));
            }
            _ => source.sizes("kernel_shape", axes, 1)?,
        };
        let window = self.window(source, &space, kernel)?;
        let ceil = source.int("ceil_mode", 0) != 0;
        let mut shape = vec![batch, channels];
        for (a, len) in space.iter().enumerate() {
            let count = window_count(*len, &window, a, ceil);
            shape.push(count.ok_or_else(|| source.fail("its kernel is larger than its input"))?);
            if (0..shape[2 + a]).any(|y| window.taps(a, y, *len).is_empty()) {
                return Err(source.fail("a window lies in the padding alone"));
            }
        }
        let include_pad = source.int("count_include_pad", 0) != 0;
        let op = match op {
            "MaxPool" => Op::MaxPool(window),
            _ => Op::AveragePool {
                window,
                include_pad,
            },
        };
        Ok((op, vec![x], shape))
    }

    fn arithmetic(&mut self, source: &Source<'_>) -> Result<Translated, ImportError> {
        source.only(&["axis", "broadcast"])?;
        if source.int("broadcast", 0) != 0 || source.attribute("axis").is_some() {
            return Err(source.fail("the broadcasting of opset 6 is not supported"));
        }
        let constant = |i: usize| -> Result<Option<ArrayD<f32>>, ImportError> {
            match source.input(i).and_then(|n| self.constants.get(n)) {
                None => Ok(None),
                Some(Constant::Float(c)) => Ok(Some(c.clone())),
                Some(Constant::Integer(_)) => {
                    Err(source.fail("its constant must be of 32-bit floats"))
                }
            }
        };
        let op = &source.proto.op_type[..];
        let joined = |a: &[usize], b: &[usize]| {
            broadcast(a, b)
                .ok_or_else(|| source.fail(format!("shapes {a:?} and {b:?} do not broadcast")))
        };
        match (constant(0)?, constant(1)?) {
            (Some(_), Some(_)) => Err(source.fail("both operands are constants")),
            (None, None) => {
                let (a, b) = (self.operand(source, 0)?, self.operand(source, 1)?);
                let shape = joined(self.graph.shape(a), self.graph.shape(b))?;
                let op = match op {
                    "Add" => Op::Add,
                    "Sub" => Op::Sub,
                    "Mul" => Op::Mul,
                    _ => return Err(source.fail("its divisor must be a constant")),
                };
                Ok((op, vec![a, b], shape))
            }
            (left, right) => {
                let (number, constant) = match (left, right) {
                    (Some(c), _) => (1, c),
                    (_, c) => (0, c.expect("one is a constant")),
                };
                let mut x = self.operand(source, number)?;
                let shape = joined(self.graph.shape(x), constant.shape())?;
                let spread = constant
                    .broadcast(IxDyn(&shape))
                    .expect("it broadcasts")
                    .to_owned();
                let op = match (op, number) {
                    ("Add", _) => Op::AddConst(spread),
                    ("Sub", 0) => Op::AddConst(-spread),
                    ("Sub", _) => {
                        let own = self.graph.shape(x).to_vec();
                        let minus = Op::MulConst(ArrayD::from_elem(own.clone(), -1.0));
                        x = self.push(
                            source,
                            minus,
                            vec![x],
                            own,
                            format!("{}.negated", source.name),
                        );
                        Op::AddConst(spread)
                    }
                    ("Mul", _) => Op::MulConst(spread),
                    (_, 0) => Op::MulConst(spread.mapv(|v| 1.0 / v)),
                    _ => return Err(source.fail("its divisor must be a constant")),
                };
                if let Op::MulConst(c) | Op::AddConst(c) = &op
                    && c.iter().any(|v| !v.is_finite())
                {
                    return Err(source.fail("its constant divides by zero"));
                }
                Ok((op, vec![x], shape))
            }
        }
    }

    fn concat(&mut self, source: &Source<'_>) -> Result<Translated, ImportError> {
        source.only(&["axis"])?;
        let count = source.proto.input.len();
        let operands = (0..count)
            .map(|i| self.operand(source, i))
            .collect::<Result<Vec<_>, _>>()?;
        let first = operands
            .first()
            .ok_or_else(|| source.fail("it has no input"))?;
        let mut shape = self.graph.shape(*first).to_vec();
        let axis = source.axis(source.int("axis", 1), shape.len())?;
        let rest = |s: &[usize]| [&s[..axis], &s[axis + 1..]].concat();
        for x in &operands[1..] {
            let other = self.graph.shape(*x);
            if other.len() != shape.len() || rest(other) != rest(&shape) {
                return Err(source.fail(format!(
                    "shapes {shape:?} and {other:?} do not join on axis {axis}"
                )));
            }
            shape[axis] += other[axis];
        }
        Ok((Op::Concat { axis }, operands, shape))
    }

    fn slice(&mut self, source: &Source<'_>) -> Result<Translated, ImportError> {
        source.only(&["starts", "ends", "axes"])?;
        let x = self.operand(source, 0)?;
        let mut shape = self.graph.shape(x).to_vec();
        let rank = shape.len();
        let list = |name: &str, i: usize| self.attribute_or_input(source, name, i);
        let missing = |name: &str| source.fail(format!("`{name}` is missing"));
        let starts = list("starts", 1)?.ok_or_else(|| missing("starts"))?;
        let ends = list("ends", 2)?.ok_or_else(|| missing("ends"))?;
        let axes = list("axes", 3)?.unwrap_or_else(|| (0..starts.len() as i64).collect());
        let steps = self
            .integers(source, 4)?
            .unwrap_or_else(|| vec![1; starts.len()]);
        if [ends.len(), axes.len(), steps.len()]
            .iter()
            .any(|n| *n != starts.len())
        {
            return Err(source.fail("its lists have different lengths"));
        }
        let (mut start, mut step) = (vec![0; rank], vec![1; rank]);
        for i in 0..starts.len() {
            let axis = source.axis(axes[i], rank)?;
            let len = shape[axis] as i64;
            let d = steps[i];
            if d == 0 || d.unsigned_abs() > 1 << 30 {
                return Err(source.fail(format!("its step {d} is not supported")));
            }
            let wrap = |v: i64| if v < 0 { v.saturating_add(len) } else { v };
            let (first, last) = match d > 0 {
                true => (wrap(starts[i]).clamp(0, len), wrap(ends[i]).clamp(0, len)),
                false => (
                    wrap(starts[i]).clamp(0, len - 1),
                    wrap(ends[i]).clamp(-1, len - 1),
                ),
            };
            let span = if d > 0 { last - first } else { first - last };
            let count = (span.max(0) as u64).div_ceil(d.unsigned_abs());
            shape[axis] = count as usize;
            start[axis] = first as usize;
            step[axis] = d as isize;
        }
        Ok((Op::Slice { start, step }, vec![x], shape))
    }

    fn pad(&mut self, source: &Source<'_>) -> Result<Translated, ImportError> {
        source.only(&["mode", "pads", "value"])?;
        let x = self.operand(source, 0)?;
        let mode = source.text("mode", "constant");
        if mode != "constant" {
            return Err(source.fail(format!("mode `{mode}` is not supported, only `constant`")));
        }
        let mut shape = self.graph.shape(x).to_vec();
        let rank = shape.len();
        let pads = self.attribute_or_input(source, "pads", 1)?;
        let pads = pads.ok_or_else(|| source.fail("`pads` is missing"))?;
        let value = match self.float_constant(source, 2)? {
            Some(c) if c.len() == 1 => *c.iter().next().expect("one element"),
            Some(_) => return Err(source.fail("its value is not a single number")),
            None => source.float("value", 0.0),
        };
        let axes = match self.integers(source, 3)? {
            None => (0..rank).collect(),
            Some(axes) => axes
                .iter()
                .map(|a| source.axis(*a, rank))
                .collect::<Result<Vec<_>, _>>()?,
        };
        if pads.len() != 2 * axes.len() || pads.iter().any(|p| !(0..=1 << 20).contains(p)) {
            return Err(source.fail(format!(
                "`pads` is {pads:?}, expected {} numbers from 0",
                2 * axes.len()
            )));
        }
        let mut before = vec![0; rank];
        for (i, axis) in axes.iter().enumerate() {
            before[*axis] = pads[i] as usize;
            shape[*axis] += (pads[i] + pads[axes.len() + i]) as usize;
        }
        Ok((Op::Pad { before, value }, vec![x], shape))
    }

    fn transpose(&mut self, source: &Source<'_>) -> Result<Translated, ImportError> {
        source.only(&["perm"])?;
        let x = self.operand(source, 0)?;
        let shape = self.graph.shape(x);
        let rank = shape.len() as i64;
        let perm = source
            .ints("perm")
            .unwrap_or_else(|| (0..rank).rev().collect());
        let mut sorted = perm.clone();
        sorted.sort_unstable();
        if sorted != (0..rank).collect::<Vec<_>>() {
            return Err(source.fail(format!(
                "`perm` {perm:?} is not a permutation of {rank} axes"
            )));
        }
        let perm: Vec<usize> = perm.iter().map(|p| *p as usize).collect();
        let shape = perm.iter().map(|p| shape[*p]).collect();
        Ok((Op::Transpose { perm }, vec![x], shape))
    }

    /// Flatten, Reshape, Squeeze and Unsqueeze.
    fn reshape(&mut self, source: &Source<'_>) -> Result<Translated, ImportError> {
        source.only(&["axis", "axes", "allowzero", "shape"])?;
        let x = self.operand(source, 0)?;
        let old = self.graph.shape(x).to_vec();
        let count: usize = old.iter().product();
        let axes = |rank: usize| -> Result<Option<Vec<usize>>, ImportError> {
            let Some(axes) = self.attribute_or_input(source, "axes", 1)? else {
                return Ok(None);
            };
            let mut axes = axes
                .iter()
                .map(|a| source.axis(*a, rank))
                .collect::<Result<Vec<_>, _>>()?;
            axes.sort_unstable();
            axes.dedup();
            Ok(Some(axes))
        };
        let shape = match &source.proto.op_type[..] {
            "Flatten" => {
                let axis = source.int("axis", 1);
                let axis = if axis == old.len() as i64 {
                    old.len()
                } else {
                    source.axis(axis, old.len())?
                };
                vec![old[..axis].iter().product(), old[axis..].iter().product()]
            }
            "Squeeze" => {
                let axes = axes(old.len())?;
                let axes =
                    axes.unwrap_or_else(|| (0..old.len()).filter(|a| old[*a] == 1).collect());
                if axes.iter().any(|a| old[*a] != 1) {
                    return Err(source.fail(format!(
                        "shape {old:?} has more than one position on a squeezed axis"
                    )));
                }
                (0..old.len())
                    .filter(|a| !axes.contains(a))
                    .map(|a| old[a])
                    .collect()
            }
            "Unsqueeze" => {
                let given = self.attribute_or_input(source, "axes", 1)?;
                let given = given.ok_or_else(|| source.fail("`axes` is missing"))?;
                let rank = old.len() + given.len();
                let axes = axes(rank)?.unwrap_or_default();
                if axes.len() != given.len() {
                    return Err(source.fail("`axes` names an axis twice"));
                }
                let mut rest = old.iter();
                (0..rank)
                    .map(|a| {
                        if axes.contains(&a) {
                            1
                        } else {
                            *rest.next().expect("enough axes")
                        }
                    })
                    .collect()
            }
            _ => {
                if source.int("allowzero", 0) != 0 {
                    return Err(source.fail("`allowzero` is not supported"));
                }
                let target = self.attribute_or_input(source, "shape", 1)?;
                let target = target.ok_or_else(|| source.fail("its shape is missing"))?;
                let mut shape = Vec::new();
                for (i, d) in target.iter().enumerate() {
                    shape.push(match *d {
                        -1 => 0,
                        0 => *old
                            .get(i)
                            .ok_or_else(|| source.fail("a zero in its shape names no axis"))?,
                        d if d > 0 => d as usize,
                        d => return Err(source.fail(format!("{d} in its shape"))),
                    });
                }
                let known = shape
                    .iter()
                    .filter(|d| **d > 0)
                    .try_fold(1usize, |n, d| n.checked_mul(*d));
                let known = known.ok_or_else(|| source.fail("its shape is too large"))?;
                match target.iter().filter(|d| **d == -1).count() {
                    0 => {}
                    1 => {
                        let free = target.iter().position(|d| *d == -1).expect("one");
                        shape[free] = count / known;
                    }
                    _ => return Err(source.fail("its shape has more than one -1")),
                }
                shape
            }
        };
        if shape.iter().try_fold(1usize, |n, d| n.checked_mul(*d)) != Some(count) {
            return Err(source.fail(format!("{old:?} cannot take the shape {shape:?}")));
        }
        Ok((Op::Reshape, vec![x], shape))
    }
}
