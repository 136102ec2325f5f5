//! A node of the file with its attributes.

use tract_onnx::pb;
use tract_onnx::pb::attribute_proto::AttributeType;

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

    /// Refuses attributes that are not listed, and more inputs than the operator has.
    pub(super) fn only(&self, known: &[&str], inputs: usize) -> Result<(), ImportError> {
        let mut names = self.proto.attribute.iter().map(|a| &a.name[..]);
        if let Some(name) = names.find(|n| !known.contains(n)) {
            return Err(self.fail(format!("the attribute `{name}` is not supported")));
        }
        match self.proto.input.iter().rposition(|n| !n.is_empty()) {
            Some(last) if last >= inputs => Err(self.fail(format!(
                "it has {} inputs, at most {inputs} are supported",
                last + 1
            ))),
            _ => Ok(()),
        }
    }

    /// The attribute of a name, which must have the given type: another type's value would be
    /// read as zero.
    pub(super) fn attribute(
        &self,
        name: &str,
        kind: AttributeType,
    ) -> Result<Option<&pb::AttributeProto>, ImportError> {
        let mut named = self.proto.attribute.iter().filter(|a| a.name == name);
        match (named.next(), named.next()) {
            (None, _) => Ok(None),
            (Some(a), None) if a.r#type == kind as i32 && a.ref_attr_name.is_empty() => Ok(Some(a)),
            _ => Err(self.fail(format!("the attribute `{name}` is not one {kind:?}"))),
        }
    }

    pub(super) fn int(&self, name: &str, default: i64) -> Result<i64, ImportError> {
        let attribute = self.attribute(name, AttributeType::Int)?;
        Ok(attribute.map_or(default, |a| a.i))
    }

    pub(super) fn float(&self, name: &str, default: f32) -> Result<f32, ImportError> {
        let attribute = self.attribute(name, AttributeType::Float)?;
        Ok(attribute.map_or(default, |a| a.f))
    }

    pub(super) fn ints(&self, name: &str) -> Result<Option<Vec<i64>>, ImportError> {
        let attribute = self.attribute(name, AttributeType::Ints)?;
        Ok(attribute.map(|a| a.ints.clone()))
    }

    pub(super) fn text(&self, name: &str, default: &str) -> Result<String, ImportError> {
        let text = |a: &pb::AttributeProto| String::from_utf8_lossy(&a.s).into_owned();
        let attribute = self.attribute(name, AttributeType::String)?;
        Ok(attribute.map_or_else(|| default.into(), text))
    }

    /// Attributes that list one positive number per spatial axis.
    pub(super) fn sizes(
        &self,
        name: &str,
        axes: usize,
        default: usize,
    ) -> Result<Vec<usize>, ImportError> {
        let Some(values) = self.ints(name)? else {
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
