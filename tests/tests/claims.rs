//! Everything that a prover states becomes a claim on the committed tables.

use stwo_ml_tests::mixed_prover;
use stwo_ml_verifier::Level;
use stwo_ml_verifier::claims::{Claimed, batched_form, batched_value, collect};
use stwo_ml_verifier::field::{M31, QM31};
use stwo_ml_verifier::shape::Shape;
use stwo_ml_verifier::vk::{
    Bits, Entry, Expression, Factor, Lookup, Oracle, TableOutput, TensorId, Term, Vk, Wiring, Zero,
};
use stwo_ml_verifier::wiring::{evaluate, for_each_entry};

/// Elements that are as good as random.
fn elements(count: usize, seed: u64) -> Vec<QM31> {
    let mut state = seed;
    let mut word = || {
        state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
        M31::reduce(state >> 7)
    };
    (0..count)
        .map(|_| QM31::from_coordinates(std::array::from_fn(|_| word())))
        .collect()
}

/// What the prover states, with as many values as the key asks for.
#[derive(Clone)]
struct Stated {
    lists: [Vec<QM31>; 6],
    ends: Vec<[QM31; 2]>,
}

const LEAF: usize = 0;
const CELL: usize = 1;
const CONTRACTION: usize = 2;
const COLUMNS: usize = 3;
const PORTS: usize = 4;
const BILINEAR: usize = 5;

impl Stated {
    fn new(vk: &Vk, shape: &Shape) -> Self {
        let lengths = [
            shape.log_leaves as usize,
            shape.cell_rounds,
            shape.contraction_rounds,
            shape.columns,
            vk.inputs.len() + vk.outputs.len(),
            shape.bilinear,
        ];
        let mut seed = 0;
        let lists = lengths.map(|n| {
            seed += 1;
            elements(n, seed)
        });
        let ends = elements(2 * shape.bilinear, 9);
        let ends = ends.as_chunks::<2>().0.to_vec();
        Self { lists, ends }
    }

    /// The batched value and the batched forms of both oracles.
    fn reduced(&self, vk: &Vk, shape: &Shape) -> [QM31; 3] {
        let claimed = Claimed {
            leaf: &self.lists[LEAF],
            cell: &self.lists[CELL],
            contraction: &self.lists[CONTRACTION],
            columns: &self.lists[COLUMNS],
            ports: &self.lists[PORTS],
            bilinear: &self.lists[BILINEAR],
            ends: &self.ends,
        };
        let claims = collect(vk, claimed).unwrap();
        assert_eq!(claims.len(), shape.claims);
        let batch = elements(1, 77)[0];
        let form = |oracle| {
            let variables = shape.log_rows + shape.log_columns_of(oracle);
            let point = elements(variables.into(), 78);
            batched_form(vk, &claims, batch, oracle, &point).unwrap()
        };
        let [witness, weights] = [Oracle::Witness, Oracle::Weights].map(form);
        [batched_value(&claims, batch), witness, weights]
    }
}

#[test]
fn every_value_is_claimed_and_every_coordinate_is_used() {
    let prover = mixed_prover(Level::TestTiny);
    let vk = &prover.model().vk;
    let shape = Shape::new(vk);
    let stated = Stated::new(vk, &shape);
    let honest = stated.reduced(vk, &shape);
    for list in [COLUMNS, PORTS, BILINEAR] {
        for i in 0..stated.lists[list].len() {
            let mut other = stated.clone();
            other.lists[list][i] += QM31::ONE;
            let other = other.reduced(vk, &shape);
            assert_ne!(other[0], honest[0], "value {i} of list {list}");
            assert_eq!(other[1..], honest[1..]);
        }
    }
    for i in 0..2 * shape.bilinear {
        let mut other = stated.clone();
        other.ends[i / 2][i % 2] += QM31::ONE;
        assert_ne!(other.reduced(vk, &shape)[0], honest[0], "end {i}");
    }
    // The lowest coordinates of the leaves' point, as many as the largest block has, and all
    // others of the other points.
    let largest = usize::from(shape.blocks[0].log_size);
    let unused = stated.lists[LEAF].len() - largest;
    for (list, first) in [(LEAF, unused), (CELL, 0), (CONTRACTION, 0)] {
        for i in first..stated.lists[list].len() {
            let mut other = stated.clone();
            other.lists[list][i] += QM31::ONE;
            let other = other.reduced(vk, &shape);
            assert_ne!(other[1..], honest[1..], "coordinate {i} of point {list}");
        }
    }
}

/// All expressions of a key's relations.
fn expressions<'a>(
    lookups: &'a mut [Lookup],
    zeros: &'a mut [Zero],
) -> impl Iterator<Item = &'a mut Expression> {
    let columns = lookups
        .iter_mut()
        .flat_map(|l| std::iter::once(&mut l.input).chain(&mut l.output));
    columns.chain(zeros.iter_mut().map(|z| &mut z.expression))
}

/// All terms of a key.
fn terms(vk: &mut Vk) -> Vec<&mut Term> {
    expressions(&mut vk.lookups, &mut vk.zeros)
        .flat_map(|e| &mut e.terms)
        .collect()
}

fn sums(vk: &mut Vk) -> Vec<&mut Expression> {
    expressions(&mut vk.lookups, &mut vk.zeros).collect()
}

/// The expressions that have a divisor: a vanishing one has none.
fn columns(vk: &mut Vk) -> Vec<&mut Expression> {
    expressions(&mut vk.lookups, &mut []).collect()
}

/// Every place where a key names a tensor.
fn uses(vk: &mut Vk) -> Vec<&mut TensorId> {
    let mut uses: Vec<&mut TensorId> = Vec::new();
    for table in &mut vk.tables {
        uses.push(&mut table.multiplicity);
        if let TableOutput::Column(id) = &mut table.output {
            uses.push(id);
        }
    }
    let ports = vk.inputs.iter_mut().chain(&mut vk.outputs);
    uses.extend(ports.map(|p| &mut p.tensor));
    for term in expressions(&mut vk.lookups, &mut vk.zeros).flat_map(|e| &mut e.terms) {
        uses.extend(&mut term.left);
        uses.push(&mut term.right);
    }
    uses
}

/// Every number of a wiring.
fn numbers(wiring: &mut Wiring) -> Vec<&mut u32> {
    match wiring {
        Wiring::Diagonal { len } => vec![len],
        Wiring::Window {
            out_len,
            taps,
            right_len,
            stride,
            dilation,
            padding,
        } => vec![out_len, taps, right_len, stride, dilation, padding],
        Wiring::Reshape {
            out_dims,
            right_dims,
        } => out_dims.iter_mut().chain(right_dims).collect(),
        Wiring::Entries(entries) => entries
            .iter_mut()
            .flat_map(|e| [&mut e.out, &mut e.left, &mut e.right])
            .collect(),
    }
}

fn wirings(vk: &mut Vk) -> Vec<&mut u32> {
    let factors = terms(vk).into_iter().flat_map(|t| &mut t.factors);
    factors.flat_map(|f| numbers(&mut f.wiring)).collect()
}

/// Changes every item that `list` finds in the key, one at a time; the reduction must notice.
fn each_matters<T: ?Sized>(list: impl Fn(&mut Vk) -> Vec<&mut T>, change: impl Fn(&mut T)) {
    let prover = mixed_prover(Level::TestTiny);
    let vk = &prover.model().vk;
    let shape = Shape::new(vk);
    let stated = Stated::new(vk, &shape);
    let honest = stated.reduced(vk, &shape);
    let count = list(&mut vk.clone()).len();
    assert!(count > 0);
    for i in 0..count {
        let mut other = vk.clone();
        change(list(&mut other)[i]);
        assert_ne!(stated.reduced(&other, &shape), honest, "item {i}");
    }
}

#[test]
fn every_part_of_a_relation_is_claimed() {
    // A tensor at another place stands for a relation that speaks of another tensor.
    let prover = mixed_prover(Level::TestTiny);
    let tensors = prover.model().vk.tensors.len() as u32;
    each_matters(
        |vk| {
            let mut moved = vk.tensors.clone();
            moved.iter_mut().for_each(|t| t.offset ^= 1 << t.log_size);
            vk.tensors.extend(moved);
            uses(vk)
        },
        |id| *id += tensors,
    );
    each_matters(columns, |e| e.divisor += 1);
    each_matters(sums, |e| e.constant += 1);
    each_matters(terms, |t| t.coefficient += 1);
    each_matters(wirings, |number| {
        *number = number.checked_sub(1).unwrap_or(1)
    });
}

/// Blocks that fill a power of two, and none at all.
#[test]
fn every_fraction_has_a_leaf() {
    let mut vk = mixed_prover(Level::TestTiny).model().vk.clone();
    vk.lookups.truncate(1);
    vk.tables.truncate(1);
    for (lookup, table, leaves) in [(3, 3, 4), (3, 2, 4), (5, 3, 6), (3, 5, 6)] {
        vk.lookups[0].log_size = lookup;
        vk.tables[0].log_size = table;
        assert_eq!(Shape::new(&vk).log_leaves, leaves);
    }
    vk.lookups.clear();
    assert_eq!(Shape::new(&vk).log_leaves, 5);
    vk.tables.clear();
    assert_eq!(Shape::new(&vk).log_leaves, 1);
}

#[test]
fn a_change_of_shape_reads_every_value_once() {
    let wiring = Wiring::Reshape {
        out_dims: vec![2, 5],
        right_dims: vec![5, 2],
    };
    let mut read = Vec::new();
    for_each_entry(&wiring, |e| read.push((e.out, e.left, e.right, e.weight)));
    // Five positions take three bits, two take one.
    let expected = (0..10).map(|f| (f / 5 * 8 + f % 5, 0, f / 2 * 2 + f % 2, 1));
    assert_eq!(read, expected.collect::<Vec<_>>());
}

#[test]
fn every_entry_has_its_weight() {
    let weights = [1, 2, 0, -3];
    let entries = (0..).zip(weights).map(|(i, weight)| Entry {
        out: i,
        left: 0,
        right: i,
        weight,
    });
    let bits = Bits { shift: 0, count: 2 };
    let factor = Factor {
        out: bits,
        left: Bits::default(),
        right: bits,
        wiring: Wiring::Entries(entries.collect()),
    };
    for (i, weight) in (0u64..).zip(weights) {
        let index = [i >> 1, i & 1].map(|bit| QM31::from(M31::reduce(bit)));
        let value = evaluate(std::slice::from_ref(&factor), &index, &[], &index);
        assert_eq!(value, QM31::from(M31::from_i64(weight.into())));
    }
}
