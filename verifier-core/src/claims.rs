//! From relations to claims on the committed tables.
//!
//! Every check of the protocol ends in claims of one kind: *a sum of linear forms of committed
//! tensors has this value*. A form is either the multilinear extension at a point or a row of a
//! term's wiring; the verifier evaluates both at the single point where the tables are opened.

use alloc::vec;
use alloc::vec::Vec;

use crate::error::VerifyError;
use crate::field::{M31, QM31};
use crate::multilinear::{eq, eq_index, high, low};
use crate::vk::{Expression, Factor, Oracle, TableOutput, Tensor, TensorId, Term, Vk};
use crate::wiring;

/// A linear form of the cells of one tensor.
#[derive(Clone, Debug)]
pub enum Form<'a> {
    /// The multilinear extension at a point.
    Point(&'a [QM31]),
    /// The right operand of a linear term, at a point of the term's box.
    Right {
        /// The term's wiring.
        factors: &'a [Factor],
        /// Point of the box.
        out: &'a [QM31],
    },
    /// The left operand of a bilinear term, at points of the box and of the right operand.
    Left {
        /// The term's wiring.
        factors: &'a [Factor],
        /// Point of the box.
        out: &'a [QM31],
        /// Point of the right operand.
        right: &'a [QM31],
    },
}

impl Form<'_> {
    /// The form's coefficients, as a multilinear polynomial in the cell's index, at a point.
    pub fn evaluate(&self, cell: &[QM31]) -> QM31 {
        match self {
            Self::Point(point) => eq(point, cell),
            Self::Right { factors, out } => wiring::evaluate(factors, out, &[], cell),
            Self::Left {
                factors,
                out,
                right,
            } => wiring::evaluate(factors, out, cell, right),
        }
    }
}

/// One summand of a [`Claim`].
#[derive(Clone, Debug)]
pub struct Part<'a> {
    /// Coefficient of the form.
    pub coefficient: M31,
    /// The tensor.
    pub tensor: TensorId,
    /// The form.
    pub form: Form<'a>,
}

/// The claim that the parts sum to the value.
#[derive(Clone, Debug)]
pub struct Claim<'a> {
    /// The claimed sum.
    pub value: QM31,
    /// The summands.
    pub parts: Vec<Part<'a>>,
}

impl<'a> Claim<'a> {
    fn point(tensor: TensorId, point: &'a [QM31], value: QM31) -> Self {
        let form = Form::Point(point);
        Self {
            value,
            parts: vec![Part {
                coefficient: M31::ONE,
                tensor,
                form,
            }],
        }
    }

    /// The claim that an expression has `value` at a point of its box, given the values of the
    /// bilinear terms there.
    fn expression(
        expression: &'a Expression,
        out: &'a [QM31],
        value: QM31,
        bilinear: &mut impl Iterator<Item = QM31>,
    ) -> Result<Self, VerifyError> {
        let constant = M31::from_i64(expression.constant.into());
        let mut rest = value * M31::from_i64(expression.divisor.into()) - constant;
        let mut parts = Vec::new();
        for term in &expression.terms {
            let coefficient = M31::from_i64(term.coefficient.into());
            if term.left.is_some() {
                rest -= bilinear.next().ok_or(VerifyError::Shape)? * coefficient;
            } else {
                let form = Form::Right {
                    factors: &term.factors,
                    out,
                };
                parts.push(Part {
                    coefficient,
                    tensor: term.right,
                    form,
                });
            }
        }
        Ok(Self { value: rest, parts })
    }
}

/// A bilinear term with the point of its box at which its value is claimed.
#[derive(Clone, Debug)]
pub struct Bilinear<'a> {
    /// The term.
    pub term: &'a Term,
    /// The point.
    pub out: &'a [QM31],
}

/// The bilinear terms in the order of the transcript.
pub fn bilinear<'a>(vk: &'a Vk, leaf: &'a [QM31], cell: &'a [QM31]) -> Vec<Bilinear<'a>> {
    let lookups = vk.lookups.iter().flat_map(|l| {
        let terms = l
            .input
            .terms
            .iter()
            .chain(l.output.iter().flat_map(|e| &e.terms));
        terms.map(|term| (term, low(leaf, l.log_size.into())))
    });
    let zeros = vk.zeros.iter().flat_map(|z| {
        let point = low(cell, z.log_size.into());
        z.expression.terms.iter().map(move |term| (term, point))
    });
    lookups
        .chain(zeros)
        .filter(|(term, _)| term.left.is_some())
        .map(|(term, out)| Bilinear { term, out })
        .collect()
}

/// What the prover claimed before the claim reduction.
#[derive(Clone, Copy, Debug)]
pub struct Claimed<'a> {
    /// The point of the leaves of the lookup argument.
    pub leaf: &'a [QM31],
    /// The columns there.
    pub columns: &'a [QM31],
    /// The point of public tensors and vanishing expressions.
    pub cell: &'a [QM31],
    /// The public tensors' multilinear extensions there, inputs first.
    pub ports: &'a [QM31],
    /// The values of the bilinear terms.
    pub bilinear: &'a [QM31],
    /// The point that ends their sumcheck.
    pub contraction: &'a [QM31],
    /// Per bilinear term: the right operand there, and the left operand's form.
    pub ends: &'a [[QM31; 2]],
}

/// All claims in the order of their batching.
///
/// # Errors
/// [`VerifyError::Shape`] if the lists are not as long as the key says.
pub fn collect<'a>(vk: &'a Vk, claimed: Claimed<'a>) -> Result<Vec<Claim<'a>>, VerifyError> {
    let Claimed {
        leaf,
        columns,
        cell,
        ports,
        bilinear,
        contraction,
        ends,
    } = claimed;
    let mut columns = columns.iter().copied();
    let mut values = bilinear.iter().copied();
    let mut claims = Vec::new();
    // 1. The columns of every lookup and table.
    for lookup in &vk.lookups {
        let out = low(leaf, lookup.log_size.into());
        for expression in core::iter::once(&lookup.input).chain(&lookup.output) {
            let value = columns.next().ok_or(VerifyError::Shape)?;
            claims.push(Claim::expression(expression, out, value, &mut values)?);
        }
    }
    for table in &vk.tables {
        let row = low(leaf, table.log_size.into());
        let mut column = || columns.next().ok_or(VerifyError::Shape);
        claims.push(Claim::point(table.multiplicity, row, column()?));
        if let TableOutput::Column(tensor) = table.output {
            claims.push(Claim::point(tensor, row, column()?));
        }
    }
    // 2. The vanishing expressions.
    for zero in &vk.zeros {
        let out = low(cell, zero.log_size.into());
        claims.push(Claim::expression(
            &zero.expression,
            out,
            QM31::ZERO,
            &mut values,
        )?);
    }
    // 3. The public tensors.
    for (port, value) in vk.inputs.iter().chain(&vk.outputs).zip(ports) {
        let log_size = tensor(vk, port.tensor)?.log_size;
        claims.push(Claim::point(
            port.tensor,
            low(cell, log_size.into()),
            *value,
        ));
    }
    // 4. The operands of the bilinear terms.
    for (Bilinear { term, out }, [right_value, left_value]) in
        self::bilinear(vk, leaf, cell).into_iter().zip(ends)
    {
        let right = low(contraction, tensor(vk, term.right)?.log_size.into());
        claims.push(Claim::point(term.right, right, *right_value));
        let form = Form::Left {
            factors: &term.factors,
            out,
            right,
        };
        let tensor = term.left.ok_or(VerifyError::Shape)?;
        claims.push(Claim {
            value: *left_value,
            parts: vec![Part {
                coefficient: M31::ONE,
                tensor,
                form,
            }],
        });
    }
    Ok(claims)
}

/// The tensor of an index.
///
/// # Errors
/// [`VerifyError::Shape`] if there is none, which [`Vk::validate`] excludes.
pub fn tensor(vk: &Vk, id: TensorId) -> Result<&Tensor, VerifyError> {
    usize::try_from(id)
        .ok()
        .and_then(|i| vk.tensors.get(i))
        .ok_or(VerifyError::Shape)
}

/// `sum_k batch^k claim_k`, as a linear form of an oracle, at a point of the oracle's cells.
///
/// # Errors
/// [`VerifyError::Shape`] on an unknown tensor.
pub fn batched_form(
    vk: &Vk,
    claims: &[Claim<'_>],
    batch: QM31,
    oracle: Oracle,
    point: &[QM31],
) -> Result<QM31, VerifyError> {
    let (mut sum, mut power) = (QM31::ZERO, QM31::ONE);
    for claim in claims {
        for part in &claim.parts {
            let tensor = tensor(vk, part.tensor)?;
            if tensor.oracle == oracle {
                let index = tensor
                    .offset
                    .checked_shr(tensor.log_size.into())
                    .unwrap_or(0);
                let place = eq_index(high(point, tensor.log_size.into()), index);
                let form = part.form.evaluate(low(point, tensor.log_size.into()));
                sum += power * place * form * part.coefficient;
            }
        }
        power *= batch;
    }
    Ok(sum)
}

/// `sum_k batch^k value_k`.
pub fn batched_value(claims: &[Claim<'_>], batch: QM31) -> QM31 {
    claims
        .iter()
        .rev()
        .fold(QM31::ZERO, |sum, claim| sum * batch + claim.value)
}
