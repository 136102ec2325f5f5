//! Statements to prove: wide Fibonacci, a component with lookups, Poseidon2.

use num_traits::One;
use rand::Rng;
use stwo::core::channel::Channel;
use stwo::core::fields::m31::BaseField;
use stwo::core::fields::qm31::SecureField;
use stwo::prover::backend::Column as _;
use stwo::prover::backend::simd::m31::N_LANES;
use stwo::prover::backend::simd::qm31::PackedSecureField;
use stwo_constraint_framework::preprocessed_columns::PreProcessedColumnId;
use stwo_constraint_framework::{
    EvalAtRow, FrameworkEval, LogupTraceGenerator, ORIGINAL_TRACE_IDX, Relation, RelationEntry,
    relation,
};

use super::poseidon2;
use super::prove::Statement;
use crate::support::{bases, rng};

type Column = Vec<BaseField>;

/// Every row is a sequence of sums of squares, of `columns` terms.
#[derive(Clone, Debug)]
pub struct WideFibonacci {
    pub log: u32,
    pub columns: usize,
}

impl FrameworkEval for WideFibonacci {
    fn log_size(&self) -> u32 {
        self.log
    }
    fn max_constraint_log_degree_bound(&self) -> u32 {
        self.log + 1
    }
    fn evaluate<E: EvalAtRow>(&self, mut eval: E) -> E {
        let mut a = eval.next_trace_mask();
        let mut b = eval.next_trace_mask();
        for _ in 2..self.columns {
            let c = eval.next_trace_mask();
            eval.add_constraint(c.clone() - (a.clone() * a + b.clone() * b.clone()));
            (a, b) = (b, c);
        }
        eval
    }
}

impl Statement for WideFibonacci {
    type Eval = Self;
    fn log(&self) -> u32 {
        self.log
    }
    fn trace(&self) -> Vec<Column> {
        let mut rng = rng();
        let mut columns = vec![
            bases(&mut rng, 1 << self.log),
            bases(&mut rng, 1 << self.log),
        ];
        for k in 2..self.columns {
            let next = |row: usize| {
                columns[k - 2][row] * columns[k - 2][row]
                    + columns[k - 1][row] * columns[k - 1][row]
            };
            columns.push((0..1 << self.log).map(next).collect());
        }
        columns
    }
    fn interact(&self, _: &mut impl Channel) -> (Self, Vec<Column>, SecureField) {
        (self.clone(), Vec::new(), SecureField::default())
    }
}

relation!(Pairs, 2);

/// Three lookups a row in two batches, a preprocessed column, a neighbouring row, an inverse, and
/// every product of base and secure values that a component can form.
#[derive(Clone, Debug)]
pub struct Lookups {
    pub log: u32,
}

/// The constraints of [`Lookups`].
#[derive(Clone, Debug)]
pub struct LookupsEval {
    log: u32,
    pairs: Pairs,
}

impl FrameworkEval for LookupsEval {
    fn log_size(&self) -> u32 {
        self.log
    }
    fn max_constraint_log_degree_bound(&self) -> u32 {
        self.log + 1
    }
    fn evaluate<E: EvalAtRow>(&self, mut eval: E) -> E {
        let fixed = eval.get_preprocessed_column(PreProcessedColumnId {
            id: "fixed".to_owned(),
        });
        let [a, next] = eval.next_interaction_mask(ORIGINAL_TRACE_IDX, [0, 1]);
        let b = eval.next_trace_mask();
        let m = eval.next_trace_mask();
        // `b` is `a` of the next row.
        eval.add_constraint(next - b.clone());
        let seven = BaseField::from(7);
        let sum = a.clone() * seven + -fixed.clone() + E::F::from(seven);
        eval.add_constraint(
            (m.clone() - sum * E::F::from(BaseField::from(3).inverse())) * SecureField::one(),
        );
        eval.add_to_relation(RelationEntry::new(
            &self.pairs,
            E::EF::one(),
            &[a.clone(), fixed.clone()],
        ));
        eval.add_to_relation(RelationEntry::new(
            &self.pairs,
            -E::EF::from(m.clone()),
            &[b, a],
        ));
        eval.add_to_relation(RelationEntry::new(&self.pairs, E::EF::from(m), &[fixed]));
        eval.finalize_logup_in_pairs();
        eval
    }
}

impl Lookups {
    /// Row r of a column lies at this index of a bit-reversed circle evaluation.
    pub fn position(&self, row: usize) -> usize {
        let n = 1 << self.log;
        let natural = if row.is_multiple_of(2) {
            row / 2
        } else {
            n - row.div_ceil(2)
        };
        natural.reverse_bits() >> (usize::BITS - self.log)
    }
}

impl Statement for Lookups {
    type Eval = LookupsEval;
    fn log(&self) -> u32 {
        self.log
    }
    fn preprocessed(&self) -> Vec<Column> {
        vec![
            (0..1u32 << self.log)
                .map(|row| BaseField::from(row * row + 5))
                .collect(),
        ]
    }
    fn trace(&self) -> Vec<Column> {
        let n = 1 << self.log;
        let a = bases(&mut rng(), n);
        let mut b = a.clone();
        for row in 0..n {
            b[self.position(row)] = a[self.position((row + 1) % n)];
        }
        let fixed = &self.preprocessed()[0];
        let seven = BaseField::from(7);
        let m = a
            .iter()
            .zip(fixed)
            .map(|(&a, &fixed)| (a * seven - fixed + seven) / BaseField::from(3))
            .collect();
        vec![a, b, m]
    }
    fn interact(&self, channel: &mut impl Channel) -> (LookupsEval, Vec<Column>, SecureField) {
        let pairs = Pairs::draw(channel);
        let (trace, fixed) = (self.trace(), &self.preprocessed()[0]);
        let (a, b, m) = (&trace[0], &trace[1], &trace[2]);
        let combine = |values: &[BaseField]| -> SecureField { pairs.combine(values) };
        let mut generator = LogupTraceGenerator::new(self.log);
        let fractions = |row: usize| {
            let (d0, d1) = (combine(&[a[row], fixed[row]]), combine(&[b[row], a[row]]));
            [
                (d1 - d0 * m[row], d0 * d1),
                (m[row].into(), combine(&[fixed[row]])),
            ]
        };
        for batch in 0..2 {
            let packed = |vector: usize| {
                let lane = |lane: usize| fractions(vector * N_LANES + lane)[batch];
                (
                    PackedSecureField::from_array(std::array::from_fn(|l| lane(l).0)),
                    PackedSecureField::from_array(std::array::from_fn(|l| lane(l).1)),
                )
            };
            generator.col_from_iter((0..(1 << self.log) / N_LANES).map(packed));
        }
        let (columns, claimed_sum) = generator.finalize_last();
        let columns = columns
            .iter()
            .map(|column| column.values.to_cpu())
            .collect();
        (
            LookupsEval {
                log: self.log,
                pairs,
            },
            columns,
            claimed_sum,
        )
    }
}

/// A Poseidon2 permutation a row.
#[derive(Clone, Debug)]
pub struct Poseidon2 {
    pub log: u32,
    /// log 2 of the degree bound over the trace's length: 1 suffices.
    pub log_degree: u32,
}

impl FrameworkEval for Poseidon2 {
    fn log_size(&self) -> u32 {
        self.log
    }
    fn max_constraint_log_degree_bound(&self) -> u32 {
        self.log + self.log_degree
    }
    fn evaluate<E: EvalAtRow>(&self, mut eval: E) -> E {
        poseidon2::constrain(&mut eval);
        eval
    }
}

impl Statement for Poseidon2 {
    type Eval = Self;
    fn log(&self) -> u32 {
        self.log
    }
    fn trace(&self) -> Vec<Column> {
        let mut rng = rng();
        let rows: Vec<Vec<u64>> = (0..1 << self.log)
            .map(|_| {
                poseidon2::reference_row(std::array::from_fn(|_| rng.random_range(0..poseidon2::P)))
            })
            .collect();
        (0..rows[0].len())
            .map(|column| {
                rows.iter()
                    .map(|row| BaseField::from(row[column] as u32))
                    .collect()
            })
            .collect()
    }
    fn interact(&self, _: &mut impl Channel) -> (Self, Vec<Column>, SecureField) {
        (self.clone(), Vec::new(), SecureField::default())
    }
}
