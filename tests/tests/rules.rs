//! Every rule of a key is broken by some key, and by its name.

use std::collections::BTreeSet;

use stwo_ml_tests::{diagonal, mixed_prover};
use stwo_ml_verifier::field::P;
use stwo_ml_verifier::vk::{
    Bits, Entry, Expression, Factor, Oracle, TableOutput, Tensor, Term, Vk, Wiring, Zero,
};
use stwo_ml_verifier::{Level, VerifyError};

/// The matrix product of the mixed circuit.
fn product(vk: &mut Vk) -> &mut Term {
    &mut vk.lookups[1].input.terms[0]
}

fn window(vk: &mut Vk) -> &mut Wiring {
    &mut vk.lookups[1].input.terms[1].factors[0].wiring
}

fn sparse(vk: &mut Vk) -> &mut Factor {
    &mut vk.zeros[1].expression.terms[0].factors[0]
}

fn reshape(vk: &mut Vk) -> &mut Factor {
    &mut vk.zeros[2].expression.terms[0].factors[0]
}

fn out_dims(vk: &mut Vk, new: &[u32]) {
    if let Wiring::Reshape { out_dims, .. } = &mut reshape(vk).wiring {
        *out_dims = new.to_vec();
    }
}

fn right_dims(vk: &mut Vk, new: &[u32]) {
    if let Wiring::Reshape { right_dims, .. } = &mut reshape(vk).wiring {
        *right_dims = new.to_vec();
    }
}

/// Adds a relation whose wiring needs `2^20` values of `eq` for each of its terms.
fn add_wide_terms(vk: &mut Vk, count: usize) {
    let mut term = vk.zeros[2].expression.terms[0].clone();
    term.factors[0].out.count = 20;
    term.factors[0].wiring = Wiring::Entries(Vec::new());
    let expression = Expression {
        divisor: 1,
        constant: 0,
        terms: vec![term; count],
    };
    vk.zeros.push(Zero {
        log_size: 20,
        expression,
    });
}

/// Adds a relation of one term, whose only factor has so many bits of the box, of the left and of
/// the right operand. The operands are new and hold zeros.
fn add_relation(vk: &mut Vk, [out, left, right]: [u8; 3], wiring: Wiring) {
    vk.log_rows = 24;
    let mut operand = |log_size: u8, offset: u32| {
        vk.tensors.push(Tensor {
            oracle: Oracle::Witness,
            offset,
            log_size,
            lo: 0,
            hi: 0,
        });
        vk.tensors.len() as u32 - 1
    };
    let bits = |count| Bits { shift: 0, count };
    let term = Term {
        coefficient: 1,
        left: (left > 0).then(|| operand(left, 1 << 22)),
        right: operand(right, 1 << 23),
        factors: vec![Factor {
            out: bits(out),
            left: bits(left),
            right: bits(right),
            wiring,
        }],
        lo: 0,
        hi: 0,
    };
    vk.zeros.push(Zero {
        log_size: out,
        expression: Expression {
            divisor: 1,
            constant: 0,
            terms: vec![term],
        },
    });
}

type Change = fn(&mut Vk);

const CASES: &[(&str, Change)] = &[
    ("log_rows", |vk| vk.log_rows = 7),
    ("log_rows", |vk| vk.log_rows = 25),
    ("log_columns", |vk| vk.log_witness_columns = 11),
    ("log_columns", |vk| vk.log_weight_columns = 11),
    ("oracle size", |vk| {
        (vk.log_rows, vk.log_weight_columns) = (24, 5)
    }),
    ("tensor size", |vk| vk.tensors[0].log_size = 29),
    ("tensor size", |vk| vk.tensors[0].log_size = 255),
    ("tensor place", |vk| vk.tensors[0].offset = 1 << 28),
    // The first cell after the oracle.
    ("tensor place", |vk| {
        vk.tensors[0].offset = 1 << (vk.log_rows + vk.log_witness_columns)
    }),
    ("tensor alignment", |vk| vk.tensors[0].offset += 1),
    ("tensor bounds", |vk| vk.tensors[0].lo = 51),
    ("tensor overlap", |vk| {
        vk.tensors[1].offset = vk.tensors[0].offset
    }),
    ("table size", |vk| vk.tables[0].log_size = 17),
    ("table length", |vk| vk.tables[0].len = 0),
    ("table length", |vk| vk.tables[0].len = 2049),
    ("table range", |vk| vk.tables[0].base = -(1 << 30)),
    ("table range", |vk| vk.tables[0].base = (1 << 30) - 1999),
    ("table multiplicity", |vk| vk.tables[0].multiplicity = 0),
    ("table multiplicity", |vk| vk.tables[0].multiplicity = 999),
    ("table clamp", |vk| {
        vk.tables[0].output = TableOutput::Clamp { lo: 1, hi: 0 }
    }),
    ("table clamp", |vk| {
        vk.tables[0].output = TableOutput::Clamp { lo: 0, hi: 1 << 30 }
    }),
    ("table clamp", |vk| {
        let (lo, hi) = (-(1 << 30), 0);
        vk.tables[0].output = TableOutput::Clamp { lo, hi }
    }),
    ("table column", |vk| {
        let column =
            |t: &&mut stwo_ml_verifier::vk::Table| matches!(t.output, TableOutput::Column(_));
        let table = vk.tables.iter_mut().find(column).unwrap();
        table.output = TableOutput::Column(table.multiplicity);
    }),
    ("lookup table", |vk| vk.lookups[0].table = 99),
    ("lookup width", |vk| vk.lookups[1].output = None),
    ("lookup width", |vk| {
        vk.lookups[0].output = vk.lookups[1].output.clone()
    }),
    ("divisor", |vk| vk.lookups[1].input.divisor = 0),
    ("divisor", |vk| vk.lookups[1].input.divisor = P),
    ("box size", |vk| vk.lookups[0].log_size = 29),
    ("term bounds", |vk| product(vk).lo = product(vk).hi + 1),
    ("term range", |vk| vk.zeros[2].expression.terms[0].hi -= 1),
    ("term range", |vk| {
        let u = vk.inputs[1].tensor as usize;
        vk.tensors[u].hi = 1;
        vk.zeros[2].expression.terms[0].hi = 0;
    }),
    ("term right", |vk| product(vk).right = 999),
    ("term left", |vk| product(vk).left = Some(999)),
    // A bit twice, a bit not at all, a bit beyond.
    ("out bits", |vk| {
        product(vk).factors[1].out = Bits { shift: 2, count: 1 }
    }),
    ("left bits", |vk| product(vk).factors[1].left.count = 3),
    ("right bits", |vk| product(vk).factors[1].right.shift = 1),
    ("right bits", |vk| product(vk).factors[1].right.count = 255),
    // Bits beyond those of a word.
    ("right bits", |vk| {
        let right = Bits {
            shift: 64,
            count: 1,
        };
        let none = Bits::default();
        product(vk).factors.push(diagonal(none, none, right, 1));
    }),
    ("out bits", |vk| {
        let out = Bits {
            shift: 0,
            count: 64,
        };
        let none = Bits::default();
        product(vk).factors.push(diagonal(out, none, none, 1));
    }),
    ("axis size", |vk| {
        vk.zeros[2].log_size = 21;
        reshape(vk).out.count = 21;
    }),
    ("diagonal widths", |vk| {
        product(vk).factors[0].left = Bits { shift: 5, count: 2 };
        product(vk).factors[1].left.count = 5;
    }),
    ("diagonal length", |vk| {
        product(vk).factors[0].wiring = Wiring::Diagonal { len: 0 }
    }),
    ("diagonal length", |vk| {
        product(vk).factors[0].wiring = Wiring::Diagonal { len: 9 }
    }),
    ("diagonal length", |vk| {
        let none = Bits::default();
        product(vk).factors.push(diagonal(none, none, none, 2));
    }),
    ("window", |vk| {
        if let Wiring::Window { out_len, .. } = window(vk) {
            *out_len = 9;
        }
    }),
    ("window", |vk| {
        if let Wiring::Window { taps, .. } = window(vk) {
            *taps = 0;
        }
    }),
    ("window", |vk| {
        if let Wiring::Window { right_len, .. } = window(vk) {
            *right_len = 17;
        }
    }),
    ("window step", |vk| {
        if let Wiring::Window { stride, .. } = window(vk) {
            *stride = 0;
        }
    }),
    ("window step", |vk| {
        if let Wiring::Window { dilation, .. } = window(vk) {
            *dilation = 0;
        }
    }),
    ("reshape rank", |vk| out_dims(vk, &[1; 17])),
    ("reshape out", |vk| out_dims(vk, &[2, 2])),
    ("reshape right", |vk| right_dims(vk, &[2, 2])),
    // A change of shape reads one operand.
    ("reshape right", |vk| {
        let term = &mut vk.lookups[1].input.terms[1];
        let bits = |shift, count| Bits { shift, count };
        let mut reshape = diagonal(bits(0, 3), bits(0, 2), bits(0, 3), 1);
        reshape.wiring = Wiring::Reshape {
            out_dims: vec![8],
            right_dims: vec![8],
        };
        term.factors = vec![reshape, diagonal(bits(0, 0), bits(0, 0), bits(3, 1), 1)];
    }),
    ("reshape count", |vk| right_dims(vk, &[4, 2])),
    ("reshape count", |vk| {
        out_dims(vk, &[4, 2, 0]);
        right_dims(vk, &[0, 4, 2]);
    }),
    ("entries", |vk| {
        if let Wiring::Entries(entries) = &mut sparse(vk).wiring {
            entries[0].left = 8;
        }
    }),
    ("zero divisor", |vk| vk.zeros[0].expression.divisor = 2),
    ("wiring entries", |vk| add_wide_terms(vk, 16)),
    ("wiring entries", |vk| {
        let window = Wiring::Window {
            out_len: 1 << 12,
            taps: 1 << 13,
            right_len: 1 << 13,
            stride: 1,
            dilation: 1,
            padding: 0,
        };
        add_relation(vk, [12, 13, 13], window);
    }),
    ("wiring entries", |vk| {
        add_wide_terms(vk, 15);
        let dims = || vec![1 << 19];
        let (out_dims, right_dims) = (dims(), dims());
        let reshape = Wiring::Reshape {
            out_dims,
            right_dims,
        };
        add_relation(vk, [19, 0, 19], reshape);
    }),
    ("wiring entries", |vk| {
        add_wide_terms(vk, 15);
        let entry = Entry {
            out: 0,
            left: 0,
            right: 0,
            weight: 1,
        };
        add_relation(vk, [0, 0, 0], Wiring::Entries(vec![entry; 1 << 20]));
    }),
    ("port tensor", |vk| vk.outputs[0].tensor = 999),
    ("port rank", |vk| vk.outputs[0].dims = vec![1; 17]),
    ("port dims", |vk| vk.inputs[0].dims = vec![16, 0]),
    ("port oracle", |vk| {
        vk.inputs[0].tensor = product(vk).left.unwrap()
    }),
    ("port size", |vk| vk.inputs[0].dims = vec![12, 2]),
    // An input that is read with weights alone, so that no term has bounds of its own.
    ("port range", |vk| {
        vk.zeros.remove(1);
        vk.tensors[0].hi = 1 << 30;
    }),
    ("port range", |vk| {
        vk.zeros.remove(1);
        vk.tensors[0].lo = -(1 << 30);
    }),
    ("lookup size", |vk| {
        let mut lookup = vk.lookups[0].clone();
        lookup.log_size = 28;
        lookup.input.terms.clear();
        vk.lookups.extend(vec![lookup; 4]);
    }),
    ("weight cap", |vk| vk.weights.truncate(1)),
];

#[test]
fn every_rule_is_kept() {
    let honest = mixed_prover(Level::TestTiny).model().vk.clone();
    for (number, (rule, change)) in CASES.iter().enumerate() {
        let mut vk = honest.clone();
        change(&mut vk);
        let expected = Err(VerifyError::InvalidKey { rule });
        assert_eq!(vk.validate(), expected, "case {number}");
    }
    let mut vk = honest.clone();
    add_wide_terms(&mut vk, 15);
    assert_eq!(vk.validate(), Ok(()));
}

/// The names in the source, between quotes, but for those of sums that could wrap.
#[test]
fn every_rule_has_a_case() {
    let source = include_str!("../../verifier-core/src/vk/validate.rs");
    let mut named: BTreeSet<&str> = source.split('"').skip(1).step_by(2).collect();
    assert!(named.remove("lookup") && named.remove("zero"));
    let tried: BTreeSet<&str> = CASES.iter().map(|(rule, _)| *rule).collect();
    assert_eq!(named, tried);
}
