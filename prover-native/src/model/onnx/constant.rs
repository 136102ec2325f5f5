//! Constant tensors of a file: initializers, Constant nodes, and operands that must be constants.

use ndarray::ArrayD;
use tract_onnx::data_resolver::FopenDataResolver;
use tract_onnx::pb;
use tract_onnx::pb::attribute_proto::AttributeType;
use tract_onnx::prelude::*;

use super::{ImportError, Importer, MAX_ELEMENTS, Source, guarded};

/// A constant tensor.
#[derive(Clone, Debug)]
pub(super) enum Constant {
    Float(ArrayD<f32>),
    Integer(Vec<i64>),
}

pub(super) fn load(proto: &pb::TensorProto) -> Result<Constant, String> {
    use pb::tensor_proto::DataType;
    if proto.data_location == Some(1) || !proto.external_data.is_empty() {
        return Err("external data is not supported; store the weights in the file".into());
    }
    let size = match DataType::try_from(proto.data_type) {
        Ok(DataType::Float | DataType::Int32) => 4,
        Ok(DataType::Int64) => 8,
        _ => {
            return Err(format!(
                "element type {} is not supported (use 32-bit floats)",
                proto.data_type
            ));
        }
    };
    let count = proto
        .dims
        .iter()
        .try_fold(1usize, |n, d| n.checked_mul(usize::try_from(*d).ok()?));
    let count = count
        .filter(|n| *n <= MAX_ELEMENTS)
        .ok_or("it is too large")?;
    if !proto.raw_data.is_empty() && proto.raw_data.len() != count * size {
        return Err(format!(
            "it holds {} bytes, its shape needs {}",
            proto.raw_data.len(),
            count * size
        ));
    }
    let load = || tract_onnx::tensor::load_tensor(&FopenDataResolver, proto, None);
    let tensor = guarded(load)?.map_err(|e| format!("{e:#}"))?;
    match tensor.datum_type() {
        DatumType::F32 => {
            let values: Vec<f32> = tensor
                .try_as_plain_ram()
                .map_err(|e| e.to_string())?
                .as_slice::<f32>()
                .map_err(|e| e.to_string())?
                .to_vec();
            if let Some(at) = values.iter().position(|v| !v.is_finite()) {
                return Err(format!(
                    "element {at} is {}, not a finite number",
                    values[at]
                ));
            }
            let array =
                ArrayD::from_shape_vec(tensor.shape(), values).map_err(|e| e.to_string())?;
            Ok(Constant::Float(array))
        }
        DatumType::I64 | DatumType::I32 => {
            let cast = tensor.cast_to::<i64>().map_err(|e| e.to_string())?;
            let plain = cast.try_as_plain_ram().map_err(|e| e.to_string())?;
            Ok(Constant::Integer(
                plain.as_slice::<i64>().map_err(|e| e.to_string())?.to_vec(),
            ))
        }
        other => Err(format!(
            "the element type {other:?} is not supported (use 32-bit floats)"
        )),
    }
}

impl Importer {
    pub(super) fn constant(&self, source: &Source<'_>) -> Result<Constant, ImportError> {
        let scalar = |v: f32| ArrayD::from_elem(vec![], v);
        if let Some(a) = source.attribute("value", AttributeType::Tensor)? {
            let tensor =
                a.t.as_ref()
                    .ok_or_else(|| source.fail("it has no tensor"))?;
            return load(tensor).map_err(|reason| source.fail(reason));
        }
        if let Some(a) = source.attribute("value_float", AttributeType::Float)? {
            return Ok(Constant::Float(scalar(a.f)));
        }
        if let Some(a) = source.attribute("value_floats", AttributeType::Floats)? {
            return Ok(Constant::Float(ndarray::arr1(&a.floats).into_dyn()));
        }
        if let Some(a) = source.attribute("value_int", AttributeType::Int)? {
            return Ok(Constant::Integer(vec![a.i]));
        }
        if let Some(values) = source.ints("value_ints")? {
            return Ok(Constant::Integer(values));
        }
        Err(source.fail("only tensors, floats and integers are supported as constants"))
    }

    pub(super) fn float_constant(
        &self,
        source: &Source<'_>,
        i: usize,
    ) -> Result<Option<ArrayD<f32>>, ImportError> {
        let Some(name) = source.input(i) else {
            return Ok(None);
        };
        match self.constants.get(name) {
            Some(Constant::Float(array)) => Ok(Some(array.clone())),
            Some(Constant::Integer(_)) => {
                Err(source.fail(format!("input {i} must be of 32-bit floats")))
            }
            None => Err(source.fail(format!("input {i} (`{name}`) must be a constant"))),
        }
    }

    pub(super) fn needed_constant(
        &self,
        source: &Source<'_>,
        i: usize,
    ) -> Result<ArrayD<f32>, ImportError> {
        let constant = self.float_constant(source, i)?;
        constant.ok_or_else(|| source.fail(format!("input {i} is missing")))
    }

    pub(super) fn integers(
        &self,
        source: &Source<'_>,
        i: usize,
    ) -> Result<Option<Vec<i64>>, ImportError> {
        let Some(name) = source.input(i) else {
            return Ok(None);
        };
        match self.constants.get(name) {
            Some(Constant::Integer(values)) => Ok(Some(values.clone())),
            _ => Err(source.fail(format!(
                "input {i} (`{name}`) must be a constant of integers"
            ))),
        }
    }

    /// Integers that are an attribute in old opsets and an input in new ones.
    pub(super) fn attribute_or_input(
        &self,
        source: &Source<'_>,
        name: &str,
        i: usize,
    ) -> Result<Option<Vec<i64>>, ImportError> {
        match (source.ints(name)?, self.integers(source, i)?) {
            (Some(_), Some(_)) => Err(source.fail(format!("it has `{name}` twice"))),
            (attribute, input) => Ok(attribute.or(input)),
        }
    }
}
