//! Every operator: the circuit's witness equals the reference interpreter, and proofs of it verify.

use ndarray::{ArrayD, IxDyn};
use proptest::prelude::*;
use rand::{Rng, SeedableRng, rngs::StdRng};
use stwo_ml::artifact::Model;
use stwo_ml::backend::Simd;
use stwo_ml::circuit::extract;
use stwo_ml::compile::{CompileOptions, compile};
use stwo_ml::model::graph::{Activation, Graph, Node, Op, ValueId, Window};
use stwo_ml::prove::{Prover, solve};
use stwo_ml_verifier::{Level, encode_file, verify_file};

/// Builds a graph node by node.
struct Builder {
    graph: Graph,
    rng: StdRng,
}

impl Builder {
    fn new(shape: &[usize], seed: u64) -> (Self, ValueId) {
        let mut graph = Graph {
            name: "test".into(),
            ..Graph::default()
        };
        let input = graph.value("input", shape.to_vec());
        graph.inputs.push(input);
        (
            Self {
                graph,
                rng: StdRng::seed_from_u64(seed),
            },
            input,
        )
    }

    fn random(&mut self, shape: &[usize], size: f32) -> ArrayD<f32> {
        ArrayD::from_shape_fn(IxDyn(shape), |_| self.rng.random_range(-size..size))
    }

    fn push(&mut self, op: Op, inputs: &[ValueId], shape: &[usize]) -> ValueId {
        let name = format!("value{}", self.graph.values.len());
        let output = self.graph.value(&name, shape.to_vec());
        let op_type = format!("{op:?}")
            .chars()
            .take_while(char::is_ascii_alphabetic)
            .collect();
        self.graph.nodes.push(Node {
            name,
            op_type,
            op,
            inputs: inputs.to_vec(),
            output,
        });
        output
    }

    /// Compiles, runs the reference, proves with a tiny level, verifies, and compares.
    fn check(mut self, output: ValueId) {
        self.graph.outputs.push(output);
        let shape = self.graph.shape(self.graph.inputs[0]).to_vec();
        let examples: Vec<_> = (0..4).map(|_| vec![self.random(&shape, 1.0)]).collect();
        let options = CompileOptions {
            table_bits: 11,
            activation_bits: 7,
            shift: 8,
        };
        let compiled = compile(&self.graph, &examples, &options).unwrap();
        let model = Model::assemble(compiled.circuit.clone(), Level::TestTiny, &Simd).unwrap();
        let prover = Prover::new(model, &Simd).unwrap();
        for example in &examples {
            let inputs = compiled.quantize_inputs(example).unwrap();
            let reference = compiled.integers.run(&inputs);
            // Every value, not the outputs alone, is the same in the prover's witness.
            let model = prover.model();
            let witness = solve(&model.vk, &model.steps, &model.weights, &inputs).unwrap();
            for (id, (tensor, dims)) in &compiled.places {
                let cells = extract(&witness.tensors[*tensor as usize], dims);
                let cells: Vec<i64> = cells.into_iter().map(i64::from).collect();
                assert_eq!(cells, reference[id], "value {id}");
            }
            let expected = compiled.integers.outputs(&reference);
            let proven = prover.prove(&inputs, &|_| ()).unwrap();
            assert_eq!(proven.statement.outputs, expected);
            let file = encode_file(&proven.statement, &proven.proof);
            let (statement, _) = verify_file(&prover.model().vk, &file).unwrap();
            assert_eq!(statement, proven.statement);
        }
        // The integers are near the floats: the scales are right.
        let report = stwo_ml::model::report::accuracy(&self.graph, &compiled, &examples).unwrap();
        for value in &report.values {
            assert!(
                value.max_error <= 0.15 * value.magnitude.max(0.5),
                "{value:?}"
            );
        }
    }
}

fn window(
    kernel: &[usize],
    strides: &[usize],
    dilations: &[usize],
    begin: &[usize],
    end: &[usize],
) -> Window {
    Window {
        kernel: kernel.to_vec(),
        strides: strides.to_vec(),
        dilations: dilations.to_vec(),
        begin: begin.to_vec(),
        end: end.to_vec(),
    }
}

fn outputs(window: &Window, space: &[usize]) -> Vec<usize> {
    (0..space.len())
        .map(|a| {
            let span = (window.kernel[a] - 1) * window.dilations[a] + 1;
            (space[a] + window.begin[a] + window.end[a] - span) / window.strides[a] + 1
        })
        .collect()
}

fn conv(
    group: usize,
    window: Window,
    channels: usize,
    features: usize,
    space: [usize; 2],
    f: Option<Activation>,
) {
    let (mut b, x) = Builder::new(&[2, channels, space[0], space[1]], 1);
    let weight = b.random(
        &[
            features,
            channels / group,
            window.kernel[0],
            window.kernel[1],
        ],
        0.5,
    );
    let bias = Some(b.random(&[features], 0.2).into_raw_vec_and_offset().0);
    let out = outputs(&window, &space);
    let shape = [2, features, out[0], out[1]];
    let y = b.push(
        Op::Conv {
            weight,
            bias,
            window,
            group,
        },
        &[x],
        &shape,
    );
    let y = match f {
        Some(f) => b.push(Op::Activation(f), &[y], &shape),
        None => y,
    };
    b.check(y);
}

#[test]
fn convolution() {
    let plain = || window(&[3, 3], &[1, 1], &[1, 1], &[1, 1], &[1, 1]);
    conv(1, plain(), 3, 5, [5, 6], Some(Activation::Relu));
    conv(
        1,
        window(&[3, 2], &[2, 1], &[1, 2], &[0, 1], &[2, 0]),
        2,
        3,
        [7, 6],
        None,
    );
    conv(2, plain(), 6, 4, [4, 4], Some(Activation::Tanh));
    conv(
        3,
        plain(),
        3,
        3,
        [4, 5],
        Some(Activation::LeakyRelu { alpha: 0.1 }),
    );
}

#[test]
fn linear_and_activations() {
    for f in [
        Activation::Relu,
        Activation::LeakyRelu { alpha: 0.2 },
        Activation::Clip {
            min: 0.25,
            max: 0.75,
        },
        Activation::Sigmoid,
        Activation::Tanh,
    ] {
        let (mut b, x) = Builder::new(&[3, 7], 2);
        let weight = b.random(&[5, 7], 0.6);
        let y = b.push(
            Op::Linear {
                weight,
                bias: Some(vec![0.1, 0.0, -0.4, 0.3, 0.2]),
            },
            &[x],
            &[3, 5],
        );
        let fused = b.push(Op::Activation(f), &[y], &[3, 5]);
        b.check(fused);
        // Not fused: the value has another reader; and on the input itself.
        let (mut b, x) = Builder::new(&[3, 7], 3);
        let weight = b.random(&[7, 7], 0.4);
        let y = b.push(Op::Linear { weight, bias: None }, &[x], &[3, 7]);
        let z = b.push(Op::Activation(f), &[y], &[3, 7]);
        let w = b.push(Op::Activation(f), &[x], &[3, 7]);
        let s = b.push(Op::Add, &[y, z], &[3, 7]);
        let s = b.push(Op::Sub, &[s, w], &[3, 7]);
        b.check(s);
    }
}

#[test]
fn flattening_before_a_product_is_free() {
    let (mut b, x) = Builder::new(&[2, 3, 5, 5], 4);
    let flat = b.push(Op::Reshape, &[x], &[2, 75]);
    let weight = b.random(&[6, 75], 0.2);
    let y = b.push(Op::Linear { weight, bias: None }, &[flat], &[2, 6]);
    b.check(y);
}

#[test]
fn pooling() {
    let cases = [
        window(&[2, 2], &[2, 2], &[1, 1], &[0, 0], &[0, 0]),
        window(&[3, 3], &[2, 2], &[1, 1], &[1, 1], &[1, 1]),
        window(&[3, 2], &[1, 3], &[2, 1], &[2, 0], &[1, 1]),
        window(&[1, 3], &[1, 1], &[1, 1], &[0, 1], &[0, 1]),
    ];
    for w in cases {
        let out = outputs(&w, &[7, 6]);
        let shape = [1, 3, out[0], out[1]];
        for op in [
            Op::MaxPool(w.clone()),
            Op::AveragePool {
                window: w.clone(),
                include_pad: false,
            },
            Op::AveragePool {
                window: w.clone(),
                include_pad: true,
            },
        ] {
            let (mut b, x) = Builder::new(&[1, 3, 7, 6], 5);
            let y = b.push(op, &[x], &shape);
            b.check(y);
        }
    }
}

#[test]
fn elementwise_with_broadcasting() {
    let shape = [2, 3, 4];
    let (mut b, x) = Builder::new(&shape, 6);
    let weight = b.random(&[4, 4], 0.5);
    let y = b.push(Op::Linear { weight, bias: None }, &[x], &shape);
    let column = b.push(
        Op::Slice {
            start: vec![0, 1, 0],
            step: vec![1, 1, 1],
        },
        &[y],
        &[2, 1, 4],
    );
    let product = b.push(Op::Mul, &[x, column], &shape);
    let difference = b.push(Op::Sub, &[product, y], &shape);
    let constant = b.random(&shape, 1.0);
    let sum = b.push(Op::AddConst(constant), &[difference], &shape);
    let scale = ArrayD::from_shape_fn(IxDyn(&shape), |i| 0.3 + 0.4 * i[1] as f32);
    let scaled = b.push(Op::MulConst(scale), &[sum], &shape);
    b.check(scaled);
}

#[test]
fn layout() {
    let (mut b, x) = Builder::new(&[2, 3, 5], 7);
    let t = b.push(
        Op::Transpose {
            perm: vec![2, 0, 1],
        },
        &[x],
        &[5, 2, 3],
    );
    let r = b.push(Op::Reshape, &[t], &[3, 10]);
    let p = b.push(
        Op::Pad {
            before: vec![1, 0],
            value: 0.5,
        },
        &[r],
        &[5, 11],
    );
    let s = b.push(
        Op::Slice {
            start: vec![4, 9],
            step: vec![-2, -3],
        },
        &[p],
        &[3, 3],
    );
    let q = b.push(Op::Activation(Activation::Sigmoid), &[s], &[3, 3]);
    let c = b.push(Op::Concat { axis: 1 }, &[s, q], &[3, 6]);
    let flat = b.push(Op::Reshape, &[c], &[2, 9]);
    b.check(flat);
}

#[test]
fn an_accumulator_beyond_its_bounds_is_refused() {
    // Two constants so far apart that no scale holds both.
    let (mut b, x) = Builder::new(&[1, 2], 8);
    let y = b.push(
        Op::AddConst(ArrayD::from_elem(IxDyn(&[1, 2]), 1e9)),
        &[x],
        &[1, 2],
    );
    b.graph.outputs.push(y);
    let examples = vec![vec![b.random(&[1, 2], 1e-3)]];
    let error = compile(&b.graph, &examples, &CompileOptions::default()).unwrap_err();
    assert!(error.to_string().contains("value1"), "{error}");
}

#[test]
fn weights_beyond_every_scale_are_refused() {
    let (mut b, x) = Builder::new(&[1, 2], 9);
    let weight = ArrayD::from_elem(IxDyn(&[1, 2]), 1e37);
    let y = b.push(Op::Linear { weight, bias: None }, &[x], &[1, 1]);
    b.graph.outputs.push(y);
    let examples = vec![vec![b.random(&[1, 2], 1.0)]];
    let error = compile(&b.graph, &examples, &CompileOptions::default()).unwrap_err();
    assert!(
        error.to_string().contains("too large for any scale"),
        "{error}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn random_networks(
        seed in 0u64..1 << 32,
        channels in 1usize..4,
        features in 1usize..6,
        space in 4usize..9,
        kernel in 1usize..4,
        stride in 1usize..3,
        pad in 0usize..2,
    ) {
        let (mut b, x) = Builder::new(&[1, channels, space, space], seed);
        let w = window(&[kernel, kernel], &[stride, stride], &[1, 1], &[pad, pad], &[0, pad]);
        let out = outputs(&w, &[space, space]);
        let shape = [1, features, out[0], out[1]];
        let weight = b.random(&[features, channels, kernel, kernel], 0.6);
        let bias = Some(b.random(&[features], 0.3).into_raw_vec_and_offset().0);
        let y = b.push(Op::Conv { weight, bias, window: w, group: 1 }, &[x], &shape);
        let y = b.push(Op::Activation(Activation::Relu), &[y], &shape);
        let count = features * out[0] * out[1];
        let flat = b.push(Op::Reshape, &[y], &[1, count]);
        let weight = b.random(&[3, count], 0.5);
        let z = b.push(Op::Linear { weight, bias: None }, &[flat], &[1, 3]);
        b.check(z);
    }
}
