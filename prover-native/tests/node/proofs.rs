//! Real proofs of the level `onchain128`, of a small layer.

use std::sync::OnceLock;

use stwo_ml::artifact::Model;
use stwo_ml::backend::Simd;
use stwo_ml::circuit::{Circuit, axis_ranges, box_bits, embed};
use stwo_ml::prove::Prover;
use stwo_ml::starknet::grind;
use stwo_ml::starknet::plan::Order;
use stwo_ml_verifier::starknet::{Felt, Job, Projection};
use stwo_ml_verifier::vk::{Bits, Factor, Term, Wiring};
use stwo_ml_verifier::{Level, Vk, encode_file};

/// A proof file with its projection.
pub(crate) struct Proof {
    pub(crate) vk: Vk,
    pub(crate) file: Vec<u8>,
    pub(crate) felts: Vec<Felt>,
    pub(crate) io: Felt,
}

impl Proof {
    pub(crate) fn order<'a>(&'a self, job: &'a Job) -> Order<'a> {
        Order {
            vk: &self.vk,
            proof: &self.file,
            proof_data: &self.felts,
            job,
        }
    }
}

/// `y = clamp(floor((W x + 8) / 16), 0, 255)` for five outputs and seven inputs.
fn layer() -> Circuit {
    let mut circuit = Circuit::new("layer");
    let none = Bits::default();
    let weights: Vec<i32> = (0..35).map(|i| (i * 37 % 19) - 9).collect();
    let x = circuit.input("x", &[7], 0, -100, 100);
    let w = circuit.weight(embed(&weights, &[5, 7]));
    let [o, k] = axis_ranges(&[5, 7]).try_into().expect("two axes");
    let (out, right) = (axis_ranges(&[5])[0], axis_ranges(&[7])[0]);
    let diagonal = |out, left, right, len| Factor {
        out,
        left,
        right,
        wiring: Wiring::Diagonal { len },
    };
    let product = Term {
        coefficient: 1,
        left: Some(w),
        right: x,
        factors: vec![diagonal(out, o, none, 5), diagonal(none, k, right, 7)],
        lo: -6300,
        hi: 6300,
    };
    let relu = circuit.clamp_table(-4096, 8192, 0, 255);
    let y = circuit.lookup(box_bits(&[5]), vec![product], 8, 16, relu);
    // The rows beyond the fifth hold clamp(floor(8 / 16)) = 0, as a public tensor must.
    circuit.output("y", &[5], -4, y);
    circuit
}

/// Proofs of different inputs.
pub(crate) fn proofs() -> &'static [Proof; 3] {
    static PROVEN: OnceLock<[Proof; 3]> = OnceLock::new();
    PROVEN.get_or_init(|| {
        let model = Model::assemble(layer(), Level::Onchain128, &Simd).unwrap();
        let vk = model.vk.clone();
        let prover = Prover::new(model, &Simd).unwrap();
        [0, 1, 2].map(|number| {
            let inputs = vec![vec![100, -100, 3, number, -7, 55, 12]];
            let proven = prover.prove(&inputs, &|_| ()).unwrap();
            let file = encode_file(&proven.statement, &proven.proof);
            let (_, projection) = Projection::of_file(&vk, &file).unwrap();
            let nonce = grind(projection.io, &|_| ()).unwrap();
            let felts = projection.felts(nonce).unwrap();
            Proof {
                vk: vk.clone(),
                file,
                felts,
                io: projection.io,
            }
        })
    })
}
