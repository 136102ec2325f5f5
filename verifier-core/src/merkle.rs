//! Merkle trees as stwo's lifted Blake2s trees over columns of one length: a leaf is the hash of
//! a row's words, a node the hash of its children. A commitment is the cap: the `2^h` nodes at
//! depth `h`, which saves every path `h` digests. Leaves and nodes need no separation, for the
//! depth of every opening is fixed by the key.

use alloc::vec::Vec;

use crate::field::M31;
use crate::hash::{self, Digest};

/// The hash of a row.
pub fn leaf_hash(words: impl Iterator<Item = M31>) -> Digest {
    let bytes: Vec<u8> = words.flat_map(|w| w.value().to_le_bytes()).collect();
    hash::blake2s(&[&bytes])
}

/// The hash of two nodes.
pub fn node_hash(left: &Digest, right: &Digest) -> Digest {
    hash::blake2s(&[&left.0, &right.0])
}

/// The root over an aligned block of leaves; `None` unless their number is a power of two.
pub fn block_root(leaves: &[Digest]) -> Option<Digest> {
    let mut nodes = leaves.to_vec();
    while nodes.len() > 1 {
        let (pairs, []) = nodes.as_chunks::<2>() else {
            return None;
        };
        nodes = pairs
            .iter()
            .map(|[left, right]| node_hash(left, right))
            .collect();
    }
    nodes.first().copied()
}

/// Whether the node of an index, `path.len()` levels under the cap, leads to the cap.
pub fn is_under_cap(cap: &[Digest], node: Digest, index: u32, path: &[Digest]) -> bool {
    let (mut node, mut index) = (node, index);
    for sibling in path {
        node = match index & 1 {
            0 => node_hash(&node, sibling),
            _ => node_hash(sibling, &node),
        };
        index >>= 1;
    }
    usize::try_from(index).ok().and_then(|i| cap.get(i)) == Some(&node)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng, rngs::StdRng};
    use stwo::core::fields::m31::M31 as Reference;
    use stwo::core::vcs_lifted::blake2_merkle::Blake2sMerkleHasher;
    use stwo::prover::backend::cpu::CpuBackend;
    use stwo::prover::vcs_lifted::prover::MerkleProverLifted;

    #[test]
    fn trees_equal_stwo() {
        let mut rng = StdRng::seed_from_u64(0);
        for width in [1, 4, 15, 16, 17, 33] {
            let columns: Vec<Vec<Reference>> = (0..width)
                .map(|_| {
                    (0..32)
                        .map(|_| Reference::from(rng.random::<u32>() >> 2))
                        .collect()
                })
                .collect();
            let tree = MerkleProverLifted::<CpuBackend, Blake2sMerkleHasher>::commit(
                columns.iter().collect(),
                5,
                0,
            );
            let layer = |depth: usize| -> Vec<Digest> {
                tree.layers[depth].iter().map(|h| Digest(h.0)).collect()
            };
            let row = |i: usize| columns.iter().map(move |c| M31::new(c[i].0).unwrap());
            let cap = layer(2);
            for block in 0..8usize {
                let leaves: Vec<Digest> = (0..4).map(|i| leaf_hash(row(4 * block + i))).collect();
                assert_eq!(leaves, layer(5)[4 * block..][..4]);
                let node = block_root(&leaves).unwrap();
                let path = [layer(3)[block ^ 1]];
                let under = |node, index| is_under_cap(&cap, node, index, &path);
                assert!(under(node, block as u32));
                for index in [block ^ 1, block ^ 4, block + 8] {
                    assert!(!under(node, index as u32));
                }
                assert!(!under(leaves[0], block as u32));
            }
        }
        assert_eq!(block_root(&[]), None);
        assert_eq!(block_root(&[Digest::default(); 3]), None);
    }
}
