//! The bounds in a key against all integers that its relations admit, cell by cell: the verifier
//! takes the compiler's word for them, and they keep every sum from wrapping.

use std::path::Path;

use ndarray::{ArrayD, Axis};
use ndarray_npy::NpzReader;
use stwo_ml::artifact::Model;
use stwo_ml::backend::Simd;
use stwo_ml::compile::{CompileOptions, compile};
use stwo_ml::model::onnx::{ImportOptions, import};
use stwo_ml_verifier::Level;
use stwo_ml_verifier::vk::{Bits, Expression, Oracle, TableOutput, Term, Vk};
use stwo_ml_verifier::wiring::for_each_entry;

/// An interval of integers.
type Range = (i64, i64);

fn plus(a: Range, b: Range) -> Range {
    (a.0 + b.0, a.1 + b.1)
}

fn times(a: Range, b: Range) -> Range {
    let ends = [a.0 * b.0, a.0 * b.1, a.1 * b.0, a.1 * b.1];
    (
        ends.into_iter().min().unwrap(),
        ends.into_iter().max().unwrap(),
    )
}

fn within(a: Range, b: Range) -> bool {
    b.0 <= a.0 && a.1 <= b.1
}

/// What a cell of a tensor can hold: its weight, or anything in the tensor's bounds.
fn cell(model: &Model, tensor: u32, index: usize) -> Range {
    let t = &model.vk.tensors[tensor as usize];
    match t.oracle {
        Oracle::Witness => (t.lo.into(), t.hi.into()),
        Oracle::Weights => [model.weights[t.offset as usize + index].into(); 2].into(),
    }
}

/// The range of a term (without its coefficient) at every cell of its box, by going through its
/// wiring.
fn term_ranges(model: &Model, term: &Term, log_size: u8) -> Vec<Range> {
    // (out, left, right, weight) over the factors so far.
    let mut places = vec![(0usize, 0usize, 0usize, 1i64)];
    for factor in &term.factors {
        let mut next = Vec::new();
        let put = |bits: Bits, i: u32| match bits.count {
            0 => 0,
            _ => (i as usize) << bits.shift,
        };
        for_each_entry(&factor.wiring, |e| {
            let (o, l, r) = (
                put(factor.out, e.out),
                put(factor.left, e.left),
                put(factor.right, e.right),
            );
            let joined = |p: &(usize, usize, usize, i64)| {
                (p.0 | o, p.1 | l, p.2 | r, p.3 * i64::from(e.weight))
            };
            next.extend(places.iter().map(joined));
        });
        places = next;
    }
    let mut ranges = vec![(0, 0); 1 << log_size];
    for (out, left, right, weight) in places {
        let left = term.left.map_or((1, 1), |t| cell(model, t, left));
        let product = times(left, cell(model, term.right, right));
        ranges[out] = plus(ranges[out], times(product, (weight, weight)));
    }
    ranges
}

/// The hull of an expression's sum over its box, after its terms were compared with their bounds.
fn sum(model: &Model, expression: &Expression, log_size: u8, name: &str) -> Range {
    let mut total = vec![(expression.constant.into(), expression.constant.into()); 1 << log_size];
    for term in &expression.terms {
        let coefficient = i64::from(term.coefficient);
        for (total, range) in total.iter_mut().zip(term_ranges(model, term, log_size)) {
            let stated = (term.lo.min(0), term.hi.max(0));
            assert!(
                within(range, stated),
                "{name}: {range:?} is beyond {stated:?}"
            );
            *total = plus(*total, times(range, (coefficient, coefficient)));
        }
    }
    let hull = |a: Range, b: &Range| (a.0.min(b.0), a.1.max(b.1));
    total.iter().fold(total[0], hull)
}

fn table_outputs(vk: &Vk, table: u32) -> Range {
    let table = &vk.tables[table as usize];
    let (base, last) = (table.base, table.base + table.len as i32 - 1);
    let (lo, hi) = match table.output {
        TableOutput::None => (base, last),
        TableOutput::Clamp { lo, hi } => (base.clamp(lo, hi), last.clamp(lo, hi)),
        TableOutput::Column(id) => {
            let tensor = &vk.tensors[id as usize];
            (tensor.lo, tensor.hi)
        }
    };
    (lo.into(), hi.into())
}

/// Checks every bound of a key, and that every witness tensor has a relation or a port that
/// keeps it within its bounds.
fn check(model: &Model, name: &str) {
    let vk = &model.vk;
    let own = |t: u32| {
        (
            vk.tensors[t as usize].lo.into(),
            vk.tensors[t as usize].hi.into(),
        )
    };
    let mut bounded: Vec<u32> = vk.inputs.iter().map(|p| p.tensor).collect();
    bounded.extend(vk.tables.iter().map(|t| t.multiplicity));
    for lookup in &vk.lookups {
        sum(model, &lookup.input, lookup.log_size, name);
        let defining = lookup.output.as_ref().unwrap_or(&lookup.input);
        // The tensor that the last column defines comes first; what is looked up is the tensor
        // less the other terms.
        let [defined, others @ ..] = &defining.terms[..] else {
            panic!("{name}: a column of nothing");
        };
        assert_eq!(
            (defined.coefficient, defining.divisor, defining.constant),
            (1, 1, 0),
            "{name}"
        );
        let others = Expression {
            terms: others.to_vec(),
            ..defining.clone()
        };
        let others = sum(model, &others, lookup.log_size, name);
        let looked_up = table_outputs(vk, lookup.table);
        let defined = defined.right;
        match others {
            (0, 0) => assert!(within(looked_up, own(defined)), "{name}: tensor {defined}"),
            // A maximum: neither above nor below both operands.
            (lo, hi) => assert!(within((-hi, -lo), own(defined)), "{name}: tensor {defined}"),
        }
        bounded.push(defined);
    }
    for zero in &vk.zeros {
        let (y, terms) = zero.expression.terms.split_last().unwrap();
        assert_eq!((y.coefficient, zero.expression.constant), (-1, 0), "{name}");
        let terms = terms.to_vec();
        let sum = sum(
            model,
            &Expression {
                terms,
                ..zero.expression.clone()
            },
            zero.log_size,
            name,
        );
        assert!(
            within(sum, own(y.right)),
            "{name}: {sum:?} in tensor {}",
            y.right
        );
        bounded.push(y.right);
    }
    for (id, tensor) in vk.tensors.iter().enumerate() {
        let ok = tensor.oracle == Oracle::Weights || bounded.contains(&(id as u32));
        assert!(ok, "{name}: nothing bounds tensor {id}");
    }
}

#[test]
fn every_bound_of_a_compiled_key_holds() {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/models/ops"));
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|e| e != "npz") {
            continue;
        }
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let onnx = std::fs::read(path.with_extension("onnx")).unwrap();
        let graph = import(&onnx, ImportOptions::default()).unwrap();
        let mut npz = NpzReader::new(std::fs::File::open(&path).unwrap()).unwrap();
        let x: ArrayD<f32> = npz.by_name("x.npy").unwrap();
        let examples: Vec<_> = x.axis_iter(Axis(0)).map(|x| vec![x.to_owned()]).collect();
        let compiled = compile(&graph, &examples, &CompileOptions::default()).unwrap();
        let model = Model::assemble(compiled.circuit, Level::TestTiny, &Simd).unwrap();
        check(&model, &name);
        count += 1;
    }
    assert!(count > 50, "{count} models");
}
