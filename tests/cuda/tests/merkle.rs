//! Lifted Merkle trees against stwo's CPU and SIMD backends, for both Blake2s hashers.

mod support;

use stwo::core::fields::m31::BaseField;
use stwo::core::vcs_lifted::blake2_merkle::Blake2sMerkleHasherGeneric;
use stwo::prover::backend::simd::SimdBackend;
use stwo::prover::backend::simd::column::BaseColumn as SimdColumn;
use stwo::prover::backend::{Column, CpuBackend};
use stwo::prover::vcs_lifted::ops::{MerkleOpsLifted, PackLeavesOps};
use stwo::prover::vcs_lifted::prover::MerkleProverLifted;
use stwo_ml_cuda::column::{BaseColumn, HashColumn};
use stwo_ml_cuda::{CudaBackend, CudaContext};
use support::{bases, on_device, rng};

type Hasher<const M31: bool> = Blake2sMerkleHasherGeneric<M31>;

/// Compares all layers of the trees over columns of the given logs.
fn check<const M31: bool>(logs: &[u32], lifting: u32) {
    let mut rng = rng();
    let columns: Vec<Vec<BaseField>> = logs.iter().map(|&log| bases(&mut rng, 1 << log)).collect();
    let cpu =
        MerkleProverLifted::<CpuBackend, Hasher<M31>>::commit(columns.iter().collect(), lifting, 0);
    let device: Vec<BaseColumn> = columns
        .iter()
        .map(|c| c.iter().copied().collect())
        .collect();
    let cuda =
        MerkleProverLifted::<CudaBackend, Hasher<M31>>::commit(device.iter().collect(), lifting, 0);
    assert_eq!(cuda.layers.len(), cpu.layers.len());
    for (layer, (cuda, cpu)) in cuda.layers.iter().zip(&cpu.layers).enumerate() {
        assert_eq!(&cuda.to_cpu(), cpu, "layer {layer} of logs {logs:?}");
    }
}

#[test]
fn leaves_of_any_number_of_columns() {
    on_device(|| {
        for columns in [1, 15, 16, 17, 26, 33, 64] {
            check::<false>(&vec![5; columns], 5);
            check::<true>(&vec![4; columns], 4);
        }
    });
}

#[test]
fn no_column_is_one_leaf() {
    on_device(|| {
        check::<false>(&[], 0);
        check::<true>(&[], 0);
        let leaves = <CudaBackend as MerkleOpsLifted<Hasher<false>>>::build_leaves(&[], 7);
        assert_eq!(
            leaves.to_cpu(),
            <CpuBackend as MerkleOpsLifted<Hasher<false>>>::build_leaves(&[], 7)
        );
    });
}

#[test]
fn columns_of_mixed_sizes_are_lifted() {
    on_device(|| {
        check::<false>(&[1, 6], 6);
        check::<false>(&[3, 1, 6, 3, 6, 2], 6);
        check::<true>(&[3, 1, 6, 3, 6, 2], 8);
        let many: Vec<u32> = (0..70).map(|c| 1 + c % 6).collect();
        check::<false>(&many, 6);
        check::<true>(&many, 7);
        // Sizes change at, before and after the border of a block.
        for short in [15, 16, 17, 31, 32, 33] {
            let logs: Vec<u32> = (0..40).map(|c| if c < short { 2 } else { 5 }).collect();
            check::<false>(&logs, 5);
        }
    });
}

#[test]
fn subtrees_of_every_height() {
    on_device(|| {
        for log in 1..=11 {
            check::<false>(&[log; 3], log);
        }
        check::<true>(&[13], 13);
    });
}

#[test]
fn equal_simd() {
    on_device(|| {
        let mut rng = rng();
        let columns: Vec<_> = (0..26).map(|c| bases(&mut rng, 1 << (4 + c / 9))).collect();
        let simd: Vec<SimdColumn> = columns
            .iter()
            .map(|c| c.iter().copied().collect())
            .collect();
        let simd = <SimdBackend as MerkleOpsLifted<Hasher<false>>>::build_leaves(
            &simd.iter().collect::<Vec<_>>(),
            6,
        );
        let cuda: Vec<BaseColumn> = columns
            .iter()
            .map(|c| c.iter().copied().collect())
            .collect();
        let cuda = <CudaBackend as MerkleOpsLifted<Hasher<false>>>::build_leaves(
            &cuda.iter().collect::<Vec<_>>(),
            6,
        );
        assert_eq!(cuda.to_cpu(), simd.to_cpu());
    });
}

#[test]
fn layers_are_built_where_the_tree_is_not_known() {
    on_device(|| {
        let mut rng = rng();
        let column = bases(&mut rng, 1 << 10);
        let leaves = <CpuBackend as MerkleOpsLifted<Hasher<true>>>::build_leaves(&[&column], 10);
        let expected = <CpuBackend as MerkleOpsLifted<Hasher<true>>>::build_next_layer(&leaves);
        let leaves = HashColumn::upload(&CudaContext::current().unwrap(), leaves.clone()).unwrap();
        let layer = <CudaBackend as MerkleOpsLifted<Hasher<true>>>::build_next_layer(&leaves);
        assert_eq!(layer.to_cpu(), expected);
    });
}

#[test]
fn decommitments_equal_the_cpu() {
    on_device(|| {
        let mut rng = rng();
        let columns: Vec<_> = [3, 6, 11].map(|log| bases(&mut rng, 1 << log)).into();
        let cpu = MerkleProverLifted::<CpuBackend, Hasher<false>>::commit(
            columns.iter().collect(),
            11,
            0,
        );
        let device: Vec<BaseColumn> = columns
            .iter()
            .map(|c| c.iter().copied().collect())
            .collect();
        let cuda = MerkleProverLifted::<CudaBackend, Hasher<false>>::commit(
            device.iter().collect(),
            11,
            0,
        );
        let queries = [0, 1, 7, 100, 101, 1023, 2047];
        let (values, opening) = cpu.decommit(&queries, columns.iter().collect());
        let (device_values, device_opening) = cuda.decommit(&queries, device.iter().collect());
        assert_eq!(device_values, values);
        assert_eq!(
            device_opening.decommitment.hash_witness,
            opening.decommitment.hash_witness
        );
    });
}

#[test]
fn leaves_of_four_values_are_packed() {
    on_device(|| {
        let mut rng = rng();
        for rows in [1, 2, 31, 256, 300] {
            let planes: [Vec<BaseField>; 4] = std::array::from_fn(|_| bases(&mut rng, 4 * rows));
            let cpu = CpuBackend::pack_leaves_input(&planes.each_ref());
            let device = planes
                .each_ref()
                .map(|p| p.iter().copied().collect::<BaseColumn>());
            let cuda = CudaBackend::pack_leaves_input(&device.each_ref());
            assert_eq!(cuda.map(|column| column.to_cpu()), cpu);
        }
    });
}
