//! The coordinates of the canonic coset by which words are folded and encoded.

use std::sync::OnceLock;

use stwo_ml_verifier::circle::{CirclePoint, domain_point, double_x};
use stwo_ml_verifier::field::M31;

/// The inverses of [`twiddles`], kept for the life of the process: every opening folds by them.
///
/// # Panics
/// Unless `1 <= log_size <= 30`.
pub(crate) fn inverse_twiddles(log_size: u32) -> &'static [Vec<M31>] {
    static INVERSES: [OnceLock<Vec<Vec<M31>>>; 31] = [const { OnceLock::new() }; 31];
    let inverses = || twiddles(log_size).into_iter().map(batch_inverse).collect();
    INVERSES[log_size as usize].get_or_init(inverses)
}

/// Montgomery's trick: one inversion for all.
fn batch_inverse(values: Vec<M31>) -> Vec<M31> {
    let mut products = Vec::with_capacity(values.len());
    let mut product = M31::ONE;
    for v in &values {
        products.push(product);
        product *= *v;
    }
    let mut inverse = product.inverse().expect("no twiddle is zero");
    let mut inverses = values;
    for (v, before) in inverses.iter_mut().zip(products).rev() {
        let own = inverse * before;
        inverse *= *v;
        *v = own;
    }
    inverses
}

/// Entry `k` holds, for every pair of a word on the canonic coset of `2^log_size` points after
/// `k` folds, the `y` (`k = 0`) or `x` of the pair's first member, in bit-reversed order.
///
/// # Panics
/// Unless `1 <= log_size <= 30`.
pub(crate) fn twiddles(log_size: u32) -> Vec<Vec<M31>> {
    let point = |i| domain_point(log_size, i).expect("1 <= log_size <= 30");
    let half = 1u32 << (log_size - 1);
    // In natural order the half coset is g, g + s, g + 2s, ...; entry 2i of the word holds its
    // point number bitreverse(i).
    let reverse = |i: u32| i.reverse_bits().unbounded_shr(u32::BITS + 1 - log_size);
    let step = point(2 * reverse(1) % (2 * half)) + (-point(0));
    let natural: Vec<CirclePoint> =
        std::iter::successors(Some(point(0)), |current| Some(*current + step))
            .take(half as usize)
            .collect();
    let points: Vec<CirclePoint> = (0..half).map(|i| natural[reverse(i) as usize]).collect();
    let mut layers = vec![points.iter().map(|p| p.y).collect()];
    let mut x: Vec<M31> = points.iter().map(|p| p.x).collect();
    while x.len() > 1 {
        let firsts: Vec<M31> = x.iter().step_by(2).copied().collect();
        x = firsts.iter().map(|x| double_x(*x)).collect();
        layers.push(firsts);
    }
    layers
}

#[cfg(test)]
mod tests {
    use super::*;
    use stwo_ml_verifier::circle::line_x;

    #[test]
    fn equals_the_verifiers_points() {
        for log_size in 1..10 {
            let layers = twiddles(log_size);
            assert_eq!(layers.len(), log_size as usize);
            for (k, layer) in layers.iter().enumerate() {
                assert_eq!(layer.len(), 1 << (log_size as usize - 1 - k));
                for (pair, twiddle) in (0u32..).zip(layer) {
                    let expected = match k as u32 {
                        0 => domain_point(log_size, 2 * pair).map(|p| p.y),
                        folds => line_x(log_size, folds, 2 * pair),
                    };
                    assert_eq!(Some(*twiddle), expected, "{log_size} {k} {pair}");
                    let inverse = inverse_twiddles(log_size)[k][pair as usize];
                    assert_eq!(inverse * *twiddle, M31::ONE, "{log_size} {k} {pair}");
                }
            }
        }
    }
}
