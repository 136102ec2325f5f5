//! A node of the file with its attributes.

use tract_onnx::pb;

use super::ImportError;

/// A node with its attributes, for messages and look-ups.
pub(super) struct Source<'a> {
    pub(super) proto: &'a pb::NodeProto,
    pub(super) name: String,
}

impl Source<'_> {
    pub(super) fn fail(&self, reason: impl Into<String>) -> ImportError {
        let (node, op) = (self.name.clone(), self.proto.op_type.clone());
        ImportError::Unsupported {
            node,
            op,
            reason: reason.into(),
        }
    }

    pub(super) fn attribute(&self, name: &str) -> Option<&pb::AttributeProto> {
        self.proto.attribute.iter().find(|a| a.name == name)
    }

    /// Refuses attributes that are not listed.
    pub(super) fn only(&self, known: &[&str]) -> Result<(), ImportError> {
        match self
            .proto
            .attribute
            .iter()
            .find(|a| !known.contains(&&a.name[..]))
        {
            Some(a) => Err(self.fail(format!("the attribute `{}` is not supported", a.name))),
            None => Ok(()),
        }
    }

    pub(super) fn int(&self, name: &str, default: i64) -> i64 {
        self.attribute(name).map_or(default, |a| a.i)
    }

    pub(super) fn float(&self, name: &str, default: f32) -> f32 {
        self.attribute(name).map_or(default, |a| a.f)
    }

    pub(super) fn ints(&self, name: &str) -> Option<Vec<i64>> {
        self.attribute(name).map(|a| a.ints.clone())
    }

    pub(super) fn text(&self, name: &str, default: &str) -> String {
        let text = |a: &pb::AttributeProto| String::from_utf8_lossy(&a.s).into_owned();
        self.attribute(name).map_or_else(|| default.into(), text)
    }

    /// Attributes that list one positive number per spatial axis.
    pub(super) fn sizes(
        &self,
        name: &str,
        axes: usize,
        default: usize,
    ) -> Result<Vec<usize>, ImportError> {
        let Some(values) = self.ints(name) else {
            return Ok(vec![default; axes]);
        };
        let ok = values.len() == axes && values.iter().all(|v| (1..=1 << 20).contains(v));
        match ok {
            true => Ok(values.iter().map(|v| *v as usize).collect()),
            false => Err(self.fail(format!(
                "`{name}` is {values:?}, expected {axes} positive numbers"
            ))),
        }
    }

    pub(super) fn axis(&self, axis: i64, rank: usize) -> Result<usize, ImportError> {
        let positive = if axis < 0 { axis + rank as i64 } else { axis };
        match (0..rank as i64).contains(&positive) {
            true => Ok(positive as usize),
            false => Err(self.fail(format!("axis {axis} is outside a tensor of {rank} axes"))),
        }
    }

    pub(super) fn input(&self, i: usize) -> Option<&str> {
        self.proto
            .input
            .get(i)
            .map(String::as_str)
            .filter(|n| !n.is_empty())
    }
}
