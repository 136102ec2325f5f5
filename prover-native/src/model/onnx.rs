//! Import of ONNX files.
//!
//! tract parses the file, loads its tensors and infers shapes. Every node is then translated
//! from the file itself, strictly: an operator, attribute or type that is not supported ends the
//! import with an error that names the node. The shapes that follow from the translation are
//! compared with those that tract infers.

use std::collections::HashMap;

use tract_onnx::pb;
use tract_onnx::prelude::*;

use super::graph::{Graph, Node, Op, ValueId};

mod constant;
mod elementwise;
mod layout;
mod linear;
mod normalization;
mod shapes;
mod source;
mod translate;
mod windows;

use constant::{Constant, load};
use source::Source;

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

/// Versions of the default operator set that can be imported. Before, some operators train unless
/// told otherwise; what later ones mean is not known.
pub const OPSETS: std::ops::RangeInclusive<i64> = 7..=22;
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
    let mut opsets = model.opset_import.iter().filter(|o| is_default(&o.domain));
    let opset = opsets.next().map_or(0, |o| o.version);
    if !OPSETS.contains(&opset) || opsets.next().is_some() {
        return Err(ImportError::Graph(format!(
            "its operator set is version {opset}; one of {OPSETS:?} is needed"
        )));
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
        if importer
            .constants
            .insert(tensor.name.clone(), constant)
            .is_some()
        {
            return Err(ImportError::Graph(format!(
                "two initializers are named `{}`",
                tensor.name
            )));
        }
    }
    for input in &graph.input {
        if importer_has(&importer, &input.name) {
            continue;
        }
        let shape = input_shape(input, options.batch)?;
        let id = importer.graph.value(&input.name, shape);
        if importer.values.insert(input.name.clone(), id).is_some() {
            return Err(ImportError::Graph(format!(
                "two inputs are named `{}`",
                input.name
            )));
        }
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

/// Whether a domain is that of the operators of the standard.
fn is_default(domain: &str) -> bool {
    domain.is_empty() || domain == "ai.onnx"
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

struct Importer {
    graph: Graph,
    /// Values by their names in the file; several names may share a value.
    values: HashMap<String, ValueId>,
    constants: HashMap<String, Constant>,
    /// How often each name is read, by nodes and as an output.
    reads: HashMap<String, usize>,
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
        let known = is_default(&proto.domain);
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
        if proto.output.iter().skip(1).any(|o| !o.is_empty()) {
            return Err(source.fail("only its first output is supported"));
        }
        match &proto.op_type[..] {
            "Constant" => {
                let constant = self.constant(&source)?;
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
                let id = self.push(&source, op, inputs, shape, &first);
                self.values.insert(first, id);
                Ok(())
            }
        }
    }

    /// Adds an operator. Its result may be one that the file does not name.
    fn push(
        &mut self,
        source: &Source<'_>,
        op: Op,
        inputs: Vec<ValueId>,
        shape: Vec<usize>,
        name: &str,
    ) -> ValueId {
        let id = self.graph.value(name, shape);
        let (name, op_type) = (source.name.clone(), source.proto.op_type.clone());
        self.graph.nodes.push(Node {
            name,
            op_type,
            op,
            inputs,
            output: id,
        });
        id
    }

    /// Operators that do nothing at inference: the output is another name of the input.
    fn alias(&mut self, source: &Source<'_>, output: String) -> Result<(), ImportError> {
        match &source.proto.op_type[..] {
            "Cast" => {
                source.only(&["to"], 1)?;
                let to = source.int("to", 0)?;
                if to != pb::tensor_proto::DataType::Float as i64 {
                    return Err(source.fail("only a cast to 32-bit float is supported"));
                }
            }
            "Dropout" => {
                // The third input is `training_mode`.
                source.only(&["ratio", "seed"], 2)?;
            }
            _ => source.only(&[], 1)?,
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
}
