//! Operators that move values: Concat, Slice, Pad, Transpose and the reshapes.

use super::translate::Translated;
use super::{ImportError, Importer, Source};
use crate::model::graph::Op;

impl Importer {
    pub(super) fn concat(&mut self, source: &Source<'_>) -> Result<Translated, ImportError> {
        source.only(&["axis"], usize::MAX)?;
        let count = source.proto.input.len();
        let operands = (0..count)
            .map(|i| self.operand(source, i))
            .collect::<Result<Vec<_>, _>>()?;
        let first = operands
            .first()
            .ok_or_else(|| source.fail("it has no input"))?;
        let mut shape = self.graph.shape(*first).to_vec();
        let axis = source.axis(source.int("axis", 1)?, shape.len())?;
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

    pub(super) fn slice(&mut self, source: &Source<'_>) -> Result<Translated, ImportError> {
        source.only(&["starts", "ends", "axes"], 5)?;
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
        let (mut start, mut step, mut named) = (vec![0; rank], vec![1; rank], vec![false; rank]);
        for i in 0..starts.len() {
            let axis = source.axis(axes[i], rank)?;
            if std::mem::replace(&mut named[axis], true) {
                return Err(source.fail("`axes` names an axis twice"));
            }
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

    pub(super) fn pad(&mut self, source: &Source<'_>) -> Result<Translated, ImportError> {
        source.only(&["mode", "pads", "value"], 4)?;
        let x = self.operand(source, 0)?;
        let mode = source.text("mode", "constant")?;
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
            None => source.float("value", 0.0)?,
        };
        let axes = match self.integers(source, 3)? {
            None => (0..rank).collect(),
            Some(axes) => axes
                .iter()
                .map(|a| source.axis(*a, rank))
                .collect::<Result<Vec<_>, _>>()?,
        };
        if (1..axes.len()).any(|i| axes[..i].contains(&axes[i])) {
            return Err(source.fail("`axes` names an axis twice"));
        }
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

    pub(super) fn transpose(&mut self, source: &Source<'_>) -> Result<Translated, ImportError> {
        source.only(&["perm"], 1)?;
        let x = self.operand(source, 0)?;
        let shape = self.graph.shape(x);
        let rank = shape.len() as i64;
        let perm = source
            .ints("perm")?
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
    pub(super) fn reshape(&mut self, source: &Source<'_>) -> Result<Translated, ImportError> {
        match &source.proto.op_type[..] {
            "Flatten" => source.only(&["axis"], 1)?,
            "Reshape" => source.only(&["allowzero"], 2)?,
            _ => source.only(&["axes"], 2)?,
        }
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
                let axis = source.int("axis", 1)?;
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
                if source.int("allowzero", 0)? != 0 {
                    return Err(source.fail("`allowzero` is not supported"));
                }
                let target = self.integers(source, 1)?;
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
