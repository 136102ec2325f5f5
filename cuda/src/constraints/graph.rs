//! The graph of field operations that a component's constraints are: shared, folded, typed.

use std::collections::HashMap;
use std::ops::Range;

use stwo::core::fields::m31::BaseField;
use stwo::core::fields::qm31::SecureField;

/// Index of a node in its graph.
pub(super) type Id = u32;

/// An operation. Base nodes have values in M31, secure nodes in QM31.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Node {
    /// Base: column `column` of those the graph reads, at `offset` rows of the trace further.
    Column { column: u32, offset: i32 },
    /// Base.
    Constant(BaseField),
    /// Base.
    Add(Id, Id),
    /// Base.
    Sub(Id, Id),
    /// Base.
    Mul(Id, Id),
    /// Base.
    Neg(Id),
    /// Base.
    Inverse(Id),
    /// Secure: a parameter of the kernel.
    Parameter(u32),
    /// Secure: a base node embedded.
    Embed(Id),
    /// Secure: four base coordinates.
    Combine([Id; 4]),
    /// Secure: of two secure nodes.
    SecureAdd(Id, Id),
    /// Secure: of two secure nodes.
    SecureSub(Id, Id),
    /// Secure: of two secure nodes.
    SecureMul(Id, Id),
    /// Secure: of a secure and a base node.
    SecureAddBase(Id, Id),
    /// Secure: of a secure and a base node.
    SecureMulBase(Id, Id),
    /// Secure.
    SecureNeg(Id),
}

/// Most nodes that one kernel computes: a larger graph is several kernels, for one of thousands needs more
/// registers than a thread has.
const KERNEL_NODES: usize = 1024;

/// The recorded constraints of a component.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    pub(super) nodes: Vec<Node>,
    ids: HashMap<Node, Id>,
    /// The columns that the constraints read: tree and index in the component's columns of it.
    pub(super) columns: Vec<(usize, usize)>,
    /// Values of the parameters of this proof.
    pub(super) parameters: Vec<SecureField>,
    /// The constraints: secure nodes, in their order.
    pub(super) constraints: Vec<Id>,
}

impl Graph {
    /// Number of distinct operations.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether nothing was recorded.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Whether a constraint reads another row than its own.
    pub(super) fn reads_other_rows(&self) -> bool {
        let other = |node: &Node| matches!(node, Node::Column { offset, .. } if *offset != 0);
        self.nodes.iter().any(other)
    }

    /// The node, new or known, after folding what is constant.
    pub(super) fn node(&mut self, node: Node) -> Id {
        let node = match self.fold(node) {
            Ok(known) => return known,
            Err(node) => node,
        };
        if let Some(&id) = self.ids.get(&node) {
            return id;
        }
        let id = Id::try_from(self.nodes.len()).expect("fewer than 2^32 operations");
        self.nodes.push(node);
        self.ids.insert(node, id);
        id
    }

    pub(super) fn constant(&mut self, value: BaseField) -> Id {
        self.node(Node::Constant(value))
    }

    /// A parameter of its own for every value met: kernels do not depend on values.
    pub(super) fn parameter(&mut self, value: SecureField) -> Id {
        self.parameters.push(value);
        self.node(Node::Parameter(self.parameters.len() as u32 - 1))
    }

    fn value(&self, id: Id) -> Option<BaseField> {
        match self.nodes[id as usize] {
            Node::Constant(value) => Some(value),
            _ => None,
        }
    }

    fn embedded(&self, id: Id) -> Option<Id> {
        match self.nodes[id as usize] {
            Node::Embed(base) => Some(base),
            _ => None,
        }
    }

    /// A node of equal value that is known, or an equal node that is no dearer.
    fn fold(&mut self, node: Node) -> Result<Id, Node> {
        let zero = |value: Option<BaseField>| value == Some(BaseField::from(0));
        let one = |value: Option<BaseField>| value == Some(BaseField::from(1));
        match node {
            Node::Add(a, b) => match (self.value(a), self.value(b)) {
                (Some(x), Some(y)) => Ok(self.constant(x + y)),
                (x, _) if zero(x) => Ok(b),
                (_, y) if zero(y) => Ok(a),
                _ => Err(Node::Add(a.min(b), a.max(b))),
            },
            Node::Sub(a, b) => match (self.value(a), self.value(b)) {
                (Some(x), Some(y)) => Ok(self.constant(x - y)),
                (_, y) if zero(y) => Ok(a),
                _ => Err(node),
            },
            Node::Mul(a, b) => match (self.value(a), self.value(b)) {
                (Some(x), Some(y)) => Ok(self.constant(x * y)),
                (x, _) if one(x) || zero(self.value(b)) => Ok(b),
                (x, y) if one(y) || zero(x) => Ok(a),
                _ => Err(Node::Mul(a.min(b), a.max(b))),
            },
            Node::Neg(a) => match self.value(a) {
                Some(x) => Ok(self.constant(-x)),
                None => Err(node),
            },
            Node::SecureAdd(a, b) => match (self.embedded(a), self.embedded(b)) {
                (Some(x), Some(y)) => {
                    let sum = self.node(Node::Add(x, y));
                    Ok(self.node(Node::Embed(sum)))
                }
                (Some(x), None) => Ok(self.node(Node::SecureAddBase(b, x))),
                (None, Some(y)) => Ok(self.node(Node::SecureAddBase(a, y))),
                _ => Err(Node::SecureAdd(a.min(b), a.max(b))),
            },
            Node::SecureSub(a, b) => match (self.embedded(a), self.embedded(b)) {
                (Some(x), Some(y)) => {
                    let difference = self.node(Node::Sub(x, y));
                    Ok(self.node(Node::Embed(difference)))
                }
                _ => Err(node),
            },
            Node::SecureMul(a, b) => match (self.embedded(a), self.embedded(b)) {
                (Some(x), _) => Ok(self.node(Node::SecureMulBase(b, x))),
                (None, Some(y)) => Ok(self.node(Node::SecureMulBase(a, y))),
                _ => Err(Node::SecureMul(a.min(b), a.max(b))),
            },
            Node::SecureAddBase(a, f) => match self.embedded(a) {
                Some(x) => {
                    let sum = self.node(Node::Add(x, f));
                    Ok(self.node(Node::Embed(sum)))
                }
                None if zero(self.value(f)) => Ok(a),
                None => Err(node),
            },
            Node::SecureMulBase(a, f) => match self.embedded(a) {
                Some(x) => {
                    let product = self.node(Node::Mul(x, f));
                    Ok(self.node(Node::Embed(product)))
                }
                None if one(self.value(f)) => Ok(a),
                None => Err(node),
            },
            Node::SecureNeg(a) => match self.embedded(a) {
                Some(x) => {
                    let negated = self.node(Node::Neg(x));
                    Ok(self.node(Node::Embed(negated)))
                }
                None => Err(node),
            },
            _ => Err(node),
        }
    }

    /// The nodes that a node computes from.
    pub(super) fn operands(node: Node) -> Vec<Id> {
        match node {
            Node::Column { .. } | Node::Constant(_) | Node::Parameter(_) => Vec::new(),
            Node::Neg(a) | Node::Inverse(a) | Node::Embed(a) | Node::SecureNeg(a) => vec![a],
            Node::Combine(parts) => parts.to_vec(),
            Node::Add(a, b)
            | Node::Sub(a, b)
            | Node::Mul(a, b)
            | Node::SecureAdd(a, b)
            | Node::SecureSub(a, b)
            | Node::SecureMul(a, b)
            | Node::SecureAddBase(a, b)
            | Node::SecureMulBase(a, b) => vec![a, b],
        }
    }

    /// The nodes that these constraints need (of an embedded constraint, its base node). Operands have smaller indices, so one pass from the
    /// last node to the first finds them.
    pub(super) fn needed(&self, constraints: Range<usize>) -> Vec<bool> {
        let mut needed = vec![false; self.nodes.len()];
        for &constraint in &self.constraints[constraints] {
            needed[self.embedded(constraint).unwrap_or(constraint) as usize] = true;
        }
        for id in (0..self.nodes.len()).rev() {
            if needed[id] {
                for operand in Self::operands(self.nodes[id]) {
                    needed[operand as usize] = true;
                }
            }
        }
        needed
    }

    /// Ranges of constraints, each small enough for a kernel (or a single constraint).
    pub(super) fn parts(&self) -> Vec<Range<usize>> {
        let size = |range: Range<usize>| self.needed(range).iter().filter(|&&n| n).count();
        let mut parts: Vec<Range<usize>> = Vec::new();
        let mut start = 0;
        while start < self.constraints.len() {
            // Needs grow with the range, so the longest range that fits can be searched by halves.
            let (mut fits, mut over) = (start + 1, self.constraints.len() + 1);
            while fits + 1 < over {
                let middle = fits.midpoint(over);
                if size(start..middle) <= KERNEL_NODES {
                    fits = middle;
                } else {
                    over = middle;
                }
            }
            parts.push(start..fits);
            start = fits;
        }
        parts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A chain of `length` squarings of a column; its last node.
    fn chain(graph: &mut Graph, column: u32, length: usize) -> Id {
        let start = graph.node(Node::Column { column, offset: 0 });
        (0..length).fold(start, |x, _| graph.node(Node::Mul(x, x)))
    }

    #[test]
    fn large_graphs_are_split_between_constraints() {
        let mut graph = Graph::default();
        // Two constraints fit a kernel, three do not; one is larger than a kernel by itself.
        let (third, whole) = (KERNEL_NODES * 3 / 8, KERNEL_NODES * 5 / 4);
        let lengths = [third, third, third, whole, 10, 10];
        for (column, length) in lengths.into_iter().enumerate() {
            let base = chain(&mut graph, column as u32, length);
            let constraint = graph.node(Node::Embed(base));
            graph.constraints.push(constraint);
        }
        assert_eq!(graph.parts(), [0..2, 2..3, 3..4, 4..6]);
        let needed = graph.needed(4..6);
        assert_eq!(needed.iter().filter(|&&n| n).count(), 22);
    }

    #[test]
    fn constants_are_folded_and_equal_nodes_shared() {
        let mut graph = Graph::default();
        let x = graph.node(Node::Column {
            column: 0,
            offset: 0,
        });
        let [zero, one, two] = [0, 1, 2].map(|value| graph.constant(BaseField::from(value)));
        assert_eq!(graph.node(Node::Add(zero, x)), x);
        assert_eq!(graph.node(Node::Sub(x, zero)), x);
        assert_eq!(graph.node(Node::Mul(one, x)), x);
        assert_eq!(graph.node(Node::Mul(x, zero)), zero);
        assert_eq!(graph.node(Node::Add(one, one)), two);
        assert_eq!(graph.node(Node::Mul(x, two)), graph.node(Node::Mul(two, x)));
        let [secure_x, secure_two] = [x, two].map(|base| graph.node(Node::Embed(base)));
        let product = graph.node(Node::SecureMul(secure_x, secure_two));
        let base_product = graph.node(Node::Mul(x, two));
        assert_eq!(product, graph.node(Node::Embed(base_product)));
        let parameter = graph.parameter(SecureField::from_u32_unchecked(1, 2, 3, 4));
        assert_eq!(
            graph.node(Node::SecureMul(secure_x, parameter)),
            graph.node(Node::SecureMulBase(parameter, x))
        );
    }
}
