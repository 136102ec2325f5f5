//! Import of ONNX files.
//!
//! tract parses the file, loads its tensors and infers shapes. Every node is then translated
//! from the file itself, strictly: an operator, attribute or type that is not supported ends the
//! import with an error that names the node. The shapes that follow from the translation are
//! compared with those that tract infers.

use std::collections::HashMap;

use ndarray::{ArrayD, Axis};
use tract_onnx::data_resolver::FopenDataResolver;
use tract_onnx::pb;
use tract_onnx::prelude::*;

use super::graph::{Graph, Node, Op, ValueId};

mod shapes;
mod translate;

/// Operators that can be imported.
pub const SUPPORTED: &[&str] = &[
    "Add",
    "AveragePool",
    "BatchNormalization",
    "Cast",
    "Clip",
    "Concat",
    "Constant",
    "Conv",
    "Div",
    "Dropout",
    "Flatten",
    "Gemm",
    "GlobalAveragePool",
    "Identity",
    "LeakyRelu",
    "MatMul",
    "MaxPool",
    "Mul",
    "Neg",
    "Pad",
    "Relu",
    "Reshape",
    "Sigmoid",
    "Slice",
    "Squeeze",
    "Sub",
    "Tanh",
    "Transpose",
    "Unsqueeze",
];

/// Largest ONNX file that is read, in bytes.
pub const MAX_ONNX_BYTES: usize = 1 << 30;
/// Most elements of a tensor.
const MAX_ELEMENTS: usize = 1 << 28;

/// Why a file cannot be imported.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// Not an ONNX file, or a damaged one.
    #[error("not a usable ONNX file: {0}")]
    Parse(String),
    /// An operator is not supported.
    #[error("node `{node}` has the operator {op}, which is not supported; supported are: {}", SUPPORTED.join(", "))]
    UnsupportedOp {
        /// Node.
        node: String,
        /// Operator, with its domain if it has one.
        op: String,
    },
    /// A supported operator is used in a way that is not supported.
    #[error("node `{node}` ({op}): {reason}")]
    Unsupported {
        /// Node.
        node: String,
        /// Operator.
        op: String,
        /// What is not supported, and what is.
        reason: String,
    },
    /// The graph as a whole cannot be imported.
    #[error("the graph cannot be imported: {0}")]
    Graph(String),
}

/// Choices of an import.
#[derive(Clone, Copy, Debug)]
pub struct ImportOptions {
    /// Replaces an unknown first dimension of an input.
    pub batch: usize,
}

impl Default for ImportOptions {
    fn default() -> Self {
        Self { batch: 1 }
    }
}

/// Imports a model.
///
/// # Errors
/// [`ImportError`].
pub fn import(bytes: &[u8], options: ImportOptions) -> Result<Graph, ImportError> {
    if bytes.len() > MAX_ONNX_BYTES {
        return Err(ImportError::Parse(format!(
            "it is larger than {MAX_ONNX_BYTES} bytes"
        )));
    }
    if options.batch == 0 {
        return Err(ImportError::Graph(
            "the batch size must be at least 1".into(),
        ));
    }
    let framework = tract_onnx::onnx();
    let parse = |e: TractError| ImportError::Parse(format!("{e:#}"));
    let model = guarded(|| framework.proto_model_for_read(&mut &bytes[..]))
        .map_err(ImportError::Parse)?
        .map_err(parse)?;
    let graph = model.graph.as_ref();
    let graph = graph.ok_or_else(|| ImportError::Parse("it has no graph".into()))?;
    if graph.node.is_empty() && graph.output.is_empty() {
        return Err(ImportError::Parse("its graph is empty".into()));
    }
    let mut importer = Importer {
        graph: Graph {
            name: graph.name.clone(),
            ..Graph::default()
        },
        values: HashMap::new(),
        constants: HashMap::new(),
        reads: HashMap::new(),
    };
    let outputs = graph.output.iter().map(|o| &o.name);
    for name in graph.node.iter().flat_map(|n| &n.input).chain(outputs) {
        *importer.reads.entry(name.clone()).or_default() += 1;
    }
    if !graph.sparse_initializer.is_empty() {
        return Err(ImportError::Graph(
            "sparse initializers are not supported".into(),
        ));
    }
    for tensor in &graph.initializer {
        let constant = load(tensor).map_err(|reason| {
            ImportError::Graph(format!("initializer `{}`: {reason}", tensor.name))
        })?;
        importer.constants.insert(tensor.name.clone(), constant);
    }
    for input in &graph.input {
        if importer_has(&importer, &input.name) {
            continue;
        }
        let shape = input_shape(input, options.batch)?;
        let id = importer.graph.value(&input.name, shape);
        importer.values.insert(input.name.clone(), id);
        importer.graph.inputs.push(id);
    }
    for node in &graph.node {
        importer.node(node)?;
    }
    for output in &graph.output {
        let id = importer.values.get(&output.name).ok_or_else(|| {
            ImportError::Graph(format!(
                "output `{}` is not computed from an input",
                output.name
            ))
        })?;
        // An output keeps its own name where a folded node left another.
        if !importer.graph.inputs.contains(id) {
            importer.graph.values[*id].name.clone_from(&output.name);
        }
        importer.graph.outputs.push(*id);
    }
    if importer.graph.inputs.is_empty() || importer.graph.outputs.is_empty() {
        return Err(ImportError::Graph("it needs an input and an output".into()));
    }
    shapes::compare_with_tract(&model, &importer)?;
    Ok(importer.graph)
}

fn importer_has(importer: &Importer, name: &str) -> bool {
    importer.constants.contains_key(name)
}

fn input_shape(input: &pb::ValueInfoProto, batch: usize) -> Result<Vec<usize>, ImportError> {
    use pb::tensor_shape_proto::dimension::Value;
    let fail = |reason: &str| ImportError::Graph(format!("input `{}`: {reason}", input.name));
    let tensor = match input.r#type.as_ref().and_then(|t| t.value.as_ref()) {
        Some(pb::type_proto::Value::TensorType(tensor)) => tensor,
        _ => return Err(fail("it is not a tensor")),
    };
    if tensor.elem_type != pb::tensor_proto::DataType::Float as i32 {
        return Err(fail("only 32-bit float inputs are supported"));
    }
    let shape = tensor
        .shape
        .as_ref()
        .ok_or_else(|| fail("it has no shape"))?;
    let dims = shape
        .dim
        .iter()
        .enumerate()
        .map(|(axis, dim)| match &dim.value {
            Some(Value::DimValue(d)) if *d > 0 => Ok(*d as usize),
            _ if axis == 0 => Ok(batch),
            _ => Err(fail(
                "only the first dimension may be unknown (it is the batch)",
            )),
        });
    let dims: Vec<usize> = dims.collect::<Result<_, _>>()?;
    check_size(&dims).ok_or_else(|| fail("it is too large"))?;
    Ok(dims)
}

fn check_size(shape: &[usize]) -> Option<usize> {
    let count = shape.iter().try_fold(1usize, |n, d| n.checked_mul(*d))?;
    (1..=MAX_ELEMENTS).contains(&count).then_some(count)
}

/// Runs a part of tract, which panics on some malformed files.
fn guarded<T>(run: impl FnOnce() -> T) -> Result<T, String> {
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(run));
    caught.map_err(|_| "the ONNX library failed on it".into())
}

/// A constant tensor.
#[derive(Clone, Debug)]
enum Constant {
    Float(ArrayD<f32>),
    Integer(Vec<i64>),
}

fn load(proto: &pb::TensorProto) -> Result<Constant, String> {
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

struct Importer {
    graph: Graph,
    /// Values by their names in the file; several names may share a value.
    values: HashMap<String, ValueId>,
    constants: HashMap<String, Constant>,
    /// How often each name is read, by nodes and as an output.
    reads: HashMap<String, usize>,
}

/// A node with its attributes, for messages and look-ups.
struct Source<'a> {
    proto: &'a pb::NodeProto,
    name: String,
}

impl Source<'_> {
    fn fail(&self, reason: impl Into<String>) -> ImportError {
        let (node, op) = (self.name.clone(), self.proto.op_type.clone());
        ImportError::Unsupported {
            node,
            op,
            reason: reason.into(),
        }
    }

    fn attribute(&self, name: &str) -> Option<&pb::AttributeProto> {
        self.proto.attribute.iter().find(|a| a.name == name)
    }

    /// Refuses attributes that are not listed.
    fn only(&self, known: &[&str]) -> Result<(), ImportError> {
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

    fn int(&self, name: &str, default: i64) -> i64 {
        self.attribute(name).map_or(default, |a| a.i)
    }

    fn float(&self, name: &str, default: f32) -> f32 {
        self.attribute(name).map_or(default, |a| a.f)
    }

    fn ints(&self, name: &str) -> Option<Vec<i64>> {
        self.attribute(name).map(|a| a.ints.clone())
    }

    fn text(&self, name: &str, default: &str) -> String {
        let text = |a: &pb::AttributeProto| String::from_utf8_lossy(&a.s).into_owned();
        self.attribute(name).map_or_else(|| default.into(), text)
    }

    /// Attributes that list one positive number per spatial axis.
    fn sizes(&self, name: &str, axes: usize, default: usize) -> Result<Vec<usize>, ImportError> {
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

    fn axis(&self, axis: i64, rank: usize) -> Result<usize, ImportError> {
        let positive = if axis < 0 { axis + rank as i64 } else { axis };
        match (0..rank as i64).contains(&positive) {
            true => Ok(positive as usize),
            false => Err(self.fail(format!("axis {axis} is outside a tensor of {rank} axes"))),
        }
    }

    fn input(&self, i: usize) -> Option<&str> {
        self.proto
            .input
            .get(i)
            .map(String::as_str)
            .filter(|n| !n.is_empty())
    }
}

impl Importer {
    fn node(&mut self, proto: &pb::NodeProto) -> Result<(), ImportError> {
        let first = proto.output.first().cloned().unwrap_or_default();
        let name = if proto.name.is_empty() {
            first.clone()
        } else {
            proto.name.clone()
        };
        let source = Source {
            proto,
            name: name.clone(),
        };
        let known = proto.domain.is_empty() || proto.domain == "ai.onnx";
        if !known || !SUPPORTED.contains(&&proto.op_type[..]) {
            let op = match known {
                true => proto.op_type.clone(),
                false => format!("{}.{}", proto.domain, proto.op_type),
            };
            return Err(ImportError::UnsupportedOp { node: name, op });
        }
        if first.is_empty() || self.values.contains_key(&first) || importer_has(self, &first) {
            return Err(source.fail("its output has no name of its own"));
        }
        let extra = proto
            .output
            .iter()
            .skip(1)
            .filter(|o| !o.is_empty())
            .count();
        if extra > 0 && proto.op_type != "Dropout" {
            return Err(source.fail("only its first output is supported"));
        }
        match &proto.op_type[..] {
            "Constant" => {
                let tensor = source.attribute("value").and_then(|a| a.t.as_ref());
                let constant = match tensor {
                    Some(tensor) => load(tensor).map_err(|reason| source.fail(reason))?,
                    None => self.plain_constant(&source)?,
                };
                self.constants.insert(first, constant);
                Ok(())
            }
            "Identity" | "Dropout" | "Cast" => self.alias(&source, first),
            "BatchNormalization" => {
                let input = self.operand(&source, 0)?;
                let shape = self.graph.shape(input).to_vec();
                self.batch_normalization(&source, input, shape, first)
            }
            _ => {
                let (op, inputs, shape) = self.translate(&source)?;
                if check_size(&shape).is_none() {
                    return Err(source.fail(format!(
                        "its output of shape {shape:?} is empty or too large"
                    )));
                }
                self.push(&source, op, inputs, shape, first);
                Ok(())
            }
        }
    }

    fn push(
        &mut self,
        source: &Source<'_>,
        op: Op,
        inputs: Vec<ValueId>,
        shape: Vec<usize>,
        output: String,
    ) -> ValueId {
        let id = self.graph.value(&output, shape);
        let (name, op_type) = (source.name.clone(), source.proto.op_type.clone());
        self.graph.nodes.push(Node {
            name,
            op_type,
            op,
            inputs,
            output: id,
        });
        self.values.insert(output, id);
        id
    }

    fn plain_constant(&self, source: &Source<'_>) -> Result<Constant, ImportError> {
        let scalar = |v: f32| ArrayD::from_elem(vec![], v);
        if let Some(a) = source.attribute("value_float") {
            return Ok(Constant::Float(scalar(a.f)));
        }
        if let Some(a) = source.attribute("value_floats") {
            return Ok(Constant::Float(ndarray::arr1(&a.floats).into_dyn()));
        }
        if let Some(a) = source.attribute("value_int") {
            return Ok(Constant::Integer(vec![a.i]));
        }
        if let Some(a) = source.attribute("value_ints") {
            return Ok(Constant::Integer(a.ints.clone()));
        }
        Err(source.fail("only tensors, floats and integers are supported as constants"))
    }

    /// Operators that do nothing at inference: the output is another name of the input.
    fn alias(&mut self, source: &Source<'_>, output: String) -> Result<(), ImportError> {
        match &source.proto.op_type[..] {
            "Cast" => {
                let to = source.int("to", 0);
                if to != pb::tensor_proto::DataType::Float as i64 {
                    return Err(source.fail("only a cast to 32-bit float is supported"));
                }
            }
            "Dropout" => {
                if source.input(2).is_some() {
                    return Err(source.fail("`training_mode` is not supported"));
                }
                if source.proto.output.len() > 1 && !source.proto.output[1].is_empty() {
                    return Err(source.fail("the mask output is not supported"));
                }
            }
            _ => {}
        }
        let input = source
            .input(0)
            .ok_or_else(|| source.fail("it has no input"))?;
        if let Some(constant) = self.constants.get(input).cloned() {
            self.constants.insert(output, constant);
            return Ok(());
        }
        let id = self.operand(source, 0)?;
        self.values.insert(output, id);
        Ok(())
    }

    fn operand(&self, source: &Source<'_>, i: usize) -> Result<ValueId, ImportError> {
        let name = source
            .input(i)
            .ok_or_else(|| source.fail(format!("input {i} is missing")))?;
        self.values
            .get(name)
            .copied()
            .ok_or_else(|| match importer_has(self, name) {
                true => source.fail(format!(
                    "input {i} (`{name}`) is a constant; a computed value is needed"
                )),
                false => source.fail(format!(
                    "input {i} (`{name}`) is not computed before this node"
                )),
            })
    }

    fn float_constant(
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

    fn needed_constant(&self, source: &Source<'_>, i: usize) -> Result<ArrayD<f32>, ImportError> {
        let constant = self.float_constant(source, i)?;
        constant.ok_or_else(|| source.fail(format!("input {i} is missing")))
    }

    fn integers(&self, source: &Source<'_>, i: usize) -> Result<Option<Vec<i64>>, ImportError> {
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
    fn attribute_or_input(
        &self,
        source: &Source<'_>,
        name: &str,
        i: usize,
    ) -> Result<Option<Vec<i64>>, ImportError> {
        match source.ints(name) {
            Some(values) => Ok(Some(values)),
            None => self.integers(source, i),
        }
    }

    /// Folds the normalisation into the linear operator before it, or scales and shifts.
    fn batch_normalization(
        &mut self,
        source: &Source<'_>,
        input: ValueId,
        shape: Vec<usize>,
        output: String,
    ) -> Result<(), ImportError> {
        source.only(&["epsilon", "momentum", "training_mode", "spatial"])?;
        if source.int("training_mode", 0) != 0 || source.int("spatial", 1) != 1 {
            return Err(source.fail("training mode is not supported"));
        }
        let epsilon = source.float("epsilon", 1e-5);
        let parts: Vec<ArrayD<f32>> = (1..5)
            .map(|i| self.needed_constant(source, i))
            .collect::<Result<_, _>>()?;
        let channels = shape.get(1).copied().unwrap_or(0);
        if parts.iter().any(|p| p.shape() != [channels]) {
            return Err(source.fail(format!("its parameters do not have {channels} values")));
        }
        let scale: Vec<f32> = (0..channels)
            .map(|c| parts[0][c] / (parts[3][c] + epsilon).sqrt())
            .collect();
        let shift: Vec<f32> = (0..channels)
            .map(|c| parts[1][c] - parts[2][c] * scale[c])
            .collect();
        if scale.iter().chain(&shift).any(|v| !v.is_finite()) {
            return Err(source.fail("its variance is not positive"));
        }
        let only_reader = source
            .input(0)
            .is_some_and(|name| self.reads.get(name) == Some(&1));
        let named_once = self.values.values().filter(|v| **v == input).count() == 1;
        let before = self.graph.nodes.iter_mut().find(|n| n.output == input);
        let rank = shape.len();
        if let Some(node) = before.filter(|_| only_reader && named_once) {
            let fold = |weight: &mut ArrayD<f32>, bias: &mut Option<Vec<f32>>| {
                for (c, mut row) in weight.axis_iter_mut(Axis(0)).enumerate() {
                    row.mapv_inplace(|v| v * scale[c]);
                }
                let old = bias.take().unwrap_or_else(|| vec![0.0; channels]);
                *bias = Some(
                    (0..channels)
                        .map(|c| old[c] * scale[c] + shift[c])
                        .collect(),
                );
            };
            let folded = match &mut node.op {
                Op::Conv { weight, bias, .. } => Some((weight, bias)),
                Op::Linear { weight, bias } if rank == 2 => Some((weight, bias)),
                _ => None,
            };
            if let Some((weight, bias)) = folded {
                fold(weight, bias);
                self.values.insert(output, input);
                return Ok(());
            }
        }
        let spread = |v: &[f32]| ArrayD::from_shape_fn(shape.clone(), |index| v[index[1]]);
        let scaled = format!("{output}.scaled");
        let id = self.push(
            source,
            Op::MulConst(spread(&scale)),
            vec![input],
            shape.clone(),
            scaled,
        );
        self.push(
            source,
            Op::AddConst(spread(&shift)),
            vec![id],
            shape,
            output,
        );
        Ok(())
    }
}
