//! Launches of small and ragged sizes, one per kernel.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::sumchecks;

pub(crate) const P: u32 = (1 << 31) - 1;

/// An argument of a launch.
pub(crate) enum Argument {
    /// The address of a buffer that holds these words before the launch.
    Words(Vec<u32>),
    /// The address of a buffer of undefined content; the kernel writes all of it.
    Output(usize),
    /// The address one past a buffer of these words.
    End(Vec<u32>),
    /// The address of a list of addresses of buffers.
    List(Vec<Vec<u32>>),
    U32(u32),
    U64(u64),
    Qm31([u32; 4]),
}
use Argument::*;

/// A launch of one kernel.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) file: &'static str,
    pub(crate) kernel: &'static str,
    pub(crate) blocks: (u32, u32),
    pub(crate) threads: u32,
    pub(crate) shared: u32,
    pub(crate) arguments: Vec<Argument>,
}

/// A launch without dynamic shared memory.
pub(crate) fn case(
    name: &'static str,
    file: &'static str,
    kernel: &'static str,
    blocks: (u32, u32),
    threads: u32,
    arguments: Vec<Argument>,
) -> Case {
    Case {
        name,
        file,
        kernel,
        blocks,
        threads,
        shared: 0,
        arguments,
    }
}

/// Random elements but zero.
pub(crate) fn words(rng: &mut StdRng, n: usize) -> Vec<u32> {
    (0..n).map(|_| rng.random_range(1..P)).collect()
}

/// Four planes that the kernel writes.
pub(crate) fn outputs(n: usize) -> impl Iterator<Item = Argument> {
    (0..4).map(move |_| Output(n))
}

/// The launches that bugs are tried in.
pub(crate) fn cases() -> Vec<Case> {
    let rng = &mut StdRng::seed_from_u64(0);
    let mut words = |n: usize| words(rng, n);
    let doubled = |words: Vec<u32>| words.into_iter().map(|word| word << 1).collect();
    let r = [5, 7, 11, P - 1];
    let mut cases = vec![
        case("sum", "accumulate", "accumulate", (2, 1), 32, {
            let mut list: Vec<_> = (0..8).map(|_| Words(words(100))).collect();
            list.push(U64(100));
            list
        }),
        case(
            "reverse",
            "bit_reverse",
            "bit_reverse_rows",
            (3, 2),
            32,
            vec![List(vec![words(256), words(256)]), U32(7), U32(2)],
        ),
        case(
            "gather",
            "gather",
            "gather",
            (2, 1),
            32,
            vec![
                List(vec![words(30), words(60)]),
                Words((0..37).map(|i| i % 2).collect()),
                Words((0..37).map(|i| i * 7 % 10).collect()),
                U64(37),
                U32(3),
                Output(111),
            ],
        ),
        case(
            "inverse",
            "batch_inverse",
            "inverse_m31",
            (1, 1),
            32,
            vec![Words(words(37)), Output(37), U64(37)],
        ),
        case(
            "scan",
            "prefix_sum",
            "prefix_sum_blocks",
            (2, 2),
            256,
            vec![
                List(vec![words(512), words(512)]),
                U32(9),
                U32(0),
                Output(4),
            ],
        ),
        case(
            "eq",
            "mle",
            "eq_table",
            (3, 1),
            256,
            outputs(2048)
                .chain([Words(words(44)), U32(11), Qm31(r)])
                .collect(),
        ),
        case("fix", "mle", "fix_first_m31", (2, 1), 32, {
            let mut list = vec![Words(words(100))];
            list.extend(outputs(50));
            list.extend([U64(50), Qm31(r)]);
            list
        }),
        case("dot", "mle", "dot_m31", (2, 1), 96, {
            let mut list: Vec<_> = (0..5).map(|_| Words(words(1000))).collect();
            list.extend([U64(1000), Output(8)]);
            list
        }),
        case(
            "partials",
            "mle",
            "sum_partials",
            (4, 1),
            32,
            vec![Words(words(200)), U32(50), U32(4), Output(4)],
        ),
        case(
            "leaves",
            "merkle",
            "merkle_leaves",
            (1, 1),
            64,
            vec![
                List(
                    (0..17)
                        .map(|column| words(if column < 3 { 8 } else { 32 }))
                        .collect(),
                ),
                Words(
                    (0..17)
                        .map(|column| if column < 3 { 3 } else { 5 })
                        .collect(),
                ),
                U32(17),
                U32(0),
                U32(2),
                U32(5),
                Words(vec![0; 8]),
                U32(0),
                U32(1),
                U32(0),
                Output(256),
            ],
        ),
        case(
            "subtree",
            "merkle",
            "merkle_subtree",
            (2, 1),
            256,
            vec![Words(words(8192)), Output(7168), U32(9), U32(3), U32(0)],
        ),
        case("fold", "fri_fold", "fold_circle", (1, 1), 64, {
            let mut list: Vec<_> = (0..4).map(|_| Words(words(64))).collect();
            list.extend(outputs(32));
            list.extend([Qm31(r), End(doubled(words(64))), U32(0), U32(6)]);
            list
        }),
        Case {
            shared: 4 * 32,
            ..case(
                "fft",
                "circle_fft",
                "circle_fft_pass",
                (4, 2),
                32,
                vec![
                    List(vec![words(64), words(64)]),
                    U32(6),
                    List(vec![words(128), words(128)]),
                    End(doubled(words(128))),
                    U32(7),
                    U32(2),
                    U32(4),
                    U32(1),
                    U32(0),
                ],
            )
        },
        case(
            "grind",
            "grind",
            "grind",
            (2, 1),
            64,
            vec![
                Words(vec![u32::MAX; 2]),
                Words(words(8)),
                U64(0),
                U64(4096),
                U32(8),
                U32(0),
            ],
        ),
    ];
    cases.extend(sumchecks::cases(rng));
    cases
}
