//! Recording: stwo's constraint functions run on handles of graph nodes.
//!
//! Handles are made where no recorder is at hand (`zero()`, `from(..)`), so the graph that is being
//! recorded is the thread's.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::{Add, AddAssign, Mul, MulAssign, Neg, Sub};

use num_traits::{One, Zero};
use stwo::core::Fraction;
use stwo::core::fields::FieldExpOps;
use stwo::core::fields::m31::BaseField;
use stwo::core::fields::qm31::{SECURE_EXTENSION_DEGREE, SecureField};
use stwo_constraint_framework::{
    EvalAtRow, FrameworkEval, INTERACTION_TRACE_IDX, MAX_N_INTERACTIONS,
};

use super::graph::{Graph, Id, Node};
use crate::error::{CudaError, OrRaise};

thread_local! {
    static GRAPH: RefCell<Graph> = RefCell::default();
}

fn with_graph<R>(f: impl FnOnce(&mut Graph) -> R) -> R {
    GRAPH.with(|graph| f(&mut graph.borrow_mut()))
}

fn node(node: Node) -> Id {
    with_graph(|graph| graph.node(node))
}

fn value_dependent() -> CudaError {
    CudaError::Compile {
        reason: "they depend on the values of a row, which no circuit may".to_owned(),
    }
}

/// Records the constraints of `eval`.
///
/// # Errors
/// [`CudaError::Compile`] where they are no function of symbols.
pub fn record(eval: &impl FrameworkEval, claimed_sum: SecureField) -> Result<Graph, CudaError> {
    with_graph(|graph| *graph = Graph::default());
    let rows = BaseField::from_u32_unchecked(1 << eval.log_size());
    let recorder = eval.evaluate(Recorder {
        next_column: [0; MAX_N_INTERACTIONS],
        fractions: Vec::new(),
        shift: claimed_sum / rows,
        finalized: true,
    });
    if !recorder.finalized {
        return Err(CudaError::Compile {
            reason: "their lookups were not finalized".to_owned(),
        });
    }
    Ok(with_graph(std::mem::take))
}

/// A base field value of a row.
#[derive(Clone, Debug)]
struct Base(Id);

/// A secure field value of a row.
#[derive(Clone, Debug)]
struct Secure(Id);

macro_rules! operator {
    ($trait:ident::$method:ident($left:ident, $right:ty) -> $out:ident, |$a:ident, $b:ident| $node:expr) => {
        impl $trait<$right> for $left {
            type Output = $out;
            fn $method(self, other: $right) -> $out {
                let ($a, $b) = (self.0, other);
                $out(node($node))
            }
        }
    };
}

fn constant(value: BaseField) -> Id {
    with_graph(|graph| graph.constant(value))
}

fn parameter(value: SecureField) -> Id {
    with_graph(|graph| graph.parameter(value))
}

operator!(Add::add(Base, Base) -> Base, |a, b| Node::Add(a, b.0));
operator!(Sub::sub(Base, Base) -> Base, |a, b| Node::Sub(a, b.0));
operator!(Mul::mul(Base, Base) -> Base, |a, b| Node::Mul(a, b.0));
operator!(Mul::mul(Base, BaseField) -> Base, |a, b| Node::Mul(a, constant(b)));
operator!(Add::add(Base, SecureField) -> Secure, |a, b| Node::SecureAddBase(parameter(b), a));
operator!(Mul::mul(Base, SecureField) -> Secure, |a, b| Node::SecureMulBase(parameter(b), a));
operator!(Add::add(Secure, Secure) -> Secure, |a, b| Node::SecureAdd(a, b.0));
operator!(Sub::sub(Secure, Secure) -> Secure, |a, b| Node::SecureSub(a, b.0));
operator!(Mul::mul(Secure, Secure) -> Secure, |a, b| Node::SecureMul(a, b.0));
operator!(Add::add(Secure, SecureField) -> Secure, |a, b| Node::SecureAdd(a, parameter(b)));
operator!(Sub::sub(Secure, SecureField) -> Secure, |a, b| Node::SecureSub(a, parameter(b)));
operator!(Mul::mul(Secure, SecureField) -> Secure, |a, b| Node::SecureMul(a, parameter(b)));
operator!(Add::add(Secure, Base) -> Secure, |a, b| Node::SecureAddBase(a, b.0));
operator!(Mul::mul(Secure, Base) -> Secure, |a, b| Node::SecureMulBase(a, b.0));
operator!(Add::add(Secure, BaseField) -> Secure, |a, b| Node::SecureAddBase(a, constant(b)));
operator!(Mul::mul(Secure, BaseField) -> Secure, |a, b| Node::SecureMulBase(a, constant(b)));

impl Neg for Base {
    type Output = Self;
    fn neg(self) -> Self {
        Self(node(Node::Neg(self.0)))
    }
}

impl AddAssign for Base {
    fn add_assign(&mut self, other: Self) {
        *self = self.clone() + other;
    }
}

impl AddAssign<BaseField> for Base {
    fn add_assign(&mut self, other: BaseField) {
        *self = self.clone() + Self::from(other);
    }
}

impl MulAssign for Base {
    fn mul_assign(&mut self, other: Self) {
        *self = self.clone() * other;
    }
}

impl From<BaseField> for Base {
    fn from(value: BaseField) -> Self {
        Self(constant(value))
    }
}

impl Zero for Base {
    fn zero() -> Self {
        Self::from(BaseField::zero())
    }
    fn is_zero(&self) -> bool {
        Err(value_dependent()).or_raise()
    }
}

impl One for Base {
    fn one() -> Self {
        Self::from(BaseField::one())
    }
}

impl FieldExpOps for Base {
    fn inverse(&self) -> Self {
        Self(node(Node::Inverse(self.0)))
    }
}

impl Neg for Secure {
    type Output = Self;
    fn neg(self) -> Self {
        Self(node(Node::SecureNeg(self.0)))
    }
}

impl AddAssign for Secure {
    fn add_assign(&mut self, other: Self) {
        *self = self.clone() + other;
    }
}

impl From<SecureField> for Secure {
    fn from(value: SecureField) -> Self {
        Self(parameter(value))
    }
}

impl From<Base> for Secure {
    fn from(value: Base) -> Self {
        Self(node(Node::Embed(value.0)))
    }
}

impl Zero for Secure {
    fn zero() -> Self {
        Base::zero().into()
    }
    fn is_zero(&self) -> bool {
        Err(value_dependent()).or_raise()
    }
}

impl One for Secure {
    fn one() -> Self {
        Base::one().into()
    }
}

/// The evaluator that records.
struct Recorder {
    next_column: [usize; MAX_N_INTERACTIONS],
    fractions: Vec<Fraction<Secure, Secure>>,
    /// The claimed sum over the number of rows: every row of a cumulative column is less by it.
    shift: SecureField,
    finalized: bool,
}

impl EvalAtRow for Recorder {
    type F = Base;
    type EF = Secure;

    fn next_interaction_mask<const N: usize>(
        &mut self,
        interaction: usize,
        offsets: [isize; N],
    ) -> [Base; N] {
        let key = (interaction, self.next_column[interaction]);
        self.next_column[interaction] += 1;
        let column = with_graph(|graph| {
            graph.columns.push(key);
            graph.columns.len() as u32 - 1
        });
        offsets.map(|offset| {
            let offset = i32::try_from(offset).expect("offsets are within a trace");
            Base(node(Node::Column { column, offset }))
        })
    }

    fn add_constraint<G>(&mut self, constraint: G)
    where
        Secure: Mul<G, Output = Secure> + From<G>,
    {
        let constraint = Secure::from(constraint).0;
        with_graph(|graph| graph.constraints.push(constraint));
    }

    fn combine_ef(values: [Base; SECURE_EXTENSION_DEGREE]) -> Secure {
        Secure(node(Node::Combine(values.map(|value| value.0))))
    }

    fn write_logup_frac(&mut self, fraction: Fraction<Secure, Secure>) {
        self.finalized = false;
        self.fractions.push(fraction);
    }

    /// The constraints of stwo's `LogupAtRow`: a cumulative column per batch.
    fn finalize_logup_batched(&mut self, batching: &Vec<usize>) {
        let fractions = std::mem::take(&mut self.fractions);
        assert_eq!(
            batching.len(),
            fractions.len(),
            "one batch number per fraction"
        );
        let mut batches: BTreeMap<usize, Fraction<Secure, Secure>> = BTreeMap::new();
        for (&batch, fraction) in batching.iter().zip(fractions) {
            let sum = match batches.remove(&batch) {
                Some(sum) => sum + fraction,
                None => fraction,
            };
            batches.insert(batch, sum);
        }
        assert!(
            batches.keys().copied().eq(0..batches.len()),
            "batches are numbered from 0 without gaps"
        );
        let (_, last) = batches.pop_last().expect("there is a fraction");
        let mut before = Secure::zero();
        for fraction in batches.into_values() {
            let [sum] = self.next_extension_interaction_mask(INTERACTION_TRACE_IDX, [0]);
            let difference = sum.clone() - before;
            before = sum;
            self.add_constraint(difference * fraction.denominator - fraction.numerator);
        }
        let [previous, sum] = self.next_extension_interaction_mask(INTERACTION_TRACE_IDX, [-1, 0]);
        let difference = sum - previous - before + self.shift;
        self.add_constraint(difference * last.denominator - last.numerator);
        self.finalized = true;
    }

    fn finalize_logup(&mut self) {
        let batching = (0..self.fractions.len()).collect();
        self.finalize_logup_batched(&batching);
    }

    fn finalize_logup_in_pairs(&mut self) {
        let batching = (0..self.fractions.len())
            .map(|fraction| fraction / 2)
            .collect();
        self.finalize_logup_batched(&batching);
    }
}
