//! Columns, accumulation, openings, proofs of work, inverses and prefix sums.

mod support;

use stwo::core::channel::{Blake2sChannelGeneric, Channel};
use stwo::core::fields::FieldExpOps;
use stwo::core::fields::m31::BaseField;
use stwo::core::fields::qm31::SecureField;
use stwo::core::proof_of_work::GrindOps;
use stwo::core::utils::bit_reverse;
use stwo::core::vcs::blake2_hash::Blake2sHash;
use stwo::prover::AccumulationOps;
use stwo::prover::backend::simd::SimdBackend;
use stwo::prover::backend::simd::column::BaseColumn as SimdColumn;
use stwo::prover::backend::simd::prefix_sum::inclusive_prefix_sum;
use stwo::prover::backend::{Column, ColumnOps, CpuBackend};
use stwo_ml_cuda::backend::{inverse_base, inverse_secure, open_rows, prefix_sums};
use stwo_ml_cuda::column::{BaseColumn, HashColumn, SecureColumn};
use stwo_ml_cuda::{CudaBackend, CudaContext, CudaError};
use support::{base, bases, both, host, on_device, rng, secure, secures};

#[test]
fn columns_are_values() {
    on_device(|| {
        let mut rng = rng();
        let values = bases(&mut rng, 6);
        let column: BaseColumn = values.iter().copied().collect();
        let mut changed = column.clone();
        changed.set(2, BaseField::from(5));
        assert_eq!(column.to_cpu(), values);
        assert_eq!(column.at(2), values[2]);
        assert_eq!(changed.at(2), BaseField::from(5));
        let (left, mut right) = changed.split_at_mid();
        right.set(0, BaseField::from(6));
        assert_eq!(left.to_cpu(), [values[0], values[1], BaseField::from(5)]);
        assert_eq!(right.to_cpu(), [BaseField::from(6), values[4], values[5]]);
        assert_eq!(
            <BaseColumn as Column<BaseField>>::zeros(3).to_cpu(),
            [BaseField::from(0); 3]
        );
        assert!(
            <BaseColumn as Column<BaseField>>::zeros(0)
                .to_cpu()
                .is_empty()
        );

        let values = secures(&mut rng, 4);
        let mut column: SecureColumn = values.iter().copied().collect();
        column.set(3, values[0]);
        assert_eq!(
            column.to_cpu(),
            [values[0], values[1], values[2], values[0]]
        );
        let (left, right) = column.split_at_mid();
        assert_eq!(
            (left.to_cpu(), right.at(1)),
            (values[..2].to_vec(), values[0])
        );
    });
}

#[test]
fn bit_reversal() {
    on_device(|| {
        let mut rng = rng();
        for log in 0..=10 {
            let mut values = bases(&mut rng, 1 << log);
            let mut column: BaseColumn = values.iter().copied().collect();
            <CudaBackend as ColumnOps<BaseField>>::bit_reverse_column(&mut column);
            let mut hashes: Vec<_> = values
                .iter()
                .map(|v| Blake2sHash([v.0 as u8; 32]))
                .collect();
            let mut hash_column: HashColumn = hashes.iter().copied().collect();
            <CudaBackend as ColumnOps<Blake2sHash>>::bit_reverse_column(&mut hash_column);
            let mut secure_values = secures(&mut rng, 1 << log);
            let mut secure_column: SecureColumn = secure_values.iter().copied().collect();
            <CudaBackend as ColumnOps<SecureField>>::bit_reverse_column(&mut secure_column);
            bit_reverse(&mut values);
            bit_reverse(&mut hashes);
            bit_reverse(&mut secure_values);
            assert_eq!(column.to_cpu(), values);
            assert_eq!(hash_column.to_cpu(), hashes);
            assert_eq!(secure_column.to_cpu(), secure_values);
        }
    });
}

#[test]
fn accumulation_and_lifting() {
    on_device(|| {
        let mut rng = rng();
        for n in [1, 31, 256, 1000] {
            let ((mut a, mut device_a), (b, device_b)) = (both(&mut rng, n), both(&mut rng, n));
            CpuBackend::accumulate(&mut a, &b);
            CudaBackend::accumulate(&mut device_a, &device_b);
            assert_eq!(host(&device_a), a.columns);
        }
        assert!(CudaBackend::lift_and_accumulate(Vec::new()).is_none());
        for logs in [vec![1], vec![3], vec![1, 2], vec![1, 4, 5, 9], vec![2, 10]] {
            let (cpu, cuda): (Vec<_>, Vec<_>) =
                logs.iter().map(|&log| both(&mut rng, 1 << log)).unzip();
            let expected = CpuBackend::lift_and_accumulate(cpu).expect("there are columns");
            let sum = CudaBackend::lift_and_accumulate(cuda).expect("there are columns");
            assert_eq!(host(&sum), expected.columns, "logs {logs:?}");
        }
        let felt = secure(&mut rng);
        assert_eq!(
            CudaBackend::generate_secure_powers(felt, 9),
            CpuBackend::generate_secure_powers(felt, 9)
        );
    });
}

#[test]
fn opened_rows_need_no_further_copies() {
    on_device(|| {
        let context = CudaContext::current().expect("in a scope");
        let mut rng = rng();
        let (long, short) = (bases(&mut rng, 5000), bases(&mut rng, 1025));
        let columns: [BaseColumn; 2] = [&long, &short].map(|v| v.iter().copied().collect());
        let rows = [vec![4999, 0, 17, 17], vec![1024]];
        open_rows(&[
            (&columns[0], rows[0].clone()),
            (&columns[1], rows[1].clone()),
        ])
        .unwrap();
        let copies = context.counters().snapshot().copies_to_host;
        assert_eq!(
            rows[0]
                .iter()
                .map(|&r| columns[0].at(r))
                .collect::<Vec<_>>(),
            [4999, 0, 17, 17].map(|r| long[r])
        );
        assert_eq!(columns[1].at(1024), short[1024]);
        assert_eq!(context.counters().snapshot().copies_to_host, copies);
        assert_eq!(columns[0].at(1), long[1], "a row that was not opened");

        let hashes: Vec<_> = (0..300u32)
            .map(|i| Blake2sHash(std::array::from_fn(|k| (i as usize * 7 + k) as u8)))
            .collect();
        let column: HashColumn = hashes.iter().copied().collect();
        open_rows(&[(&column, vec![299, 3])]).unwrap();
        assert_eq!((column.at(299), column.at(3)), (hashes[299], hashes[3]));
        let mut column = column;
        column.set(3, hashes[0]);
        assert_eq!(column.at(3), hashes[0], "a written row is read again");
    });
}

fn nonces<const M31: bool>() {
    let mut channel = Blake2sChannelGeneric::<M31>::default();
    for bits in [0, 1, 3, 7, 10, 11] {
        channel.mix_u64(0x1234_5678 + u64::from(bits));
        let nonce = CudaBackend::grind(&channel, bits);
        assert_eq!(nonce, SimdBackend::grind(&channel, bits), "{bits} bits");
        assert!(channel.verify_pow_nonce(bits, nonce));
    }
}

#[test]
fn nonces_are_those_of_simd() {
    on_device(nonces::<false>);
    on_device(nonces::<true>);
}

#[test]
fn batch_inverses() {
    on_device(|| {
        let mut rng = rng();
        for n in [1, 2, 3, 4, 5, 63, 64, 1000] {
            let one = BaseField::from(1);
            let values: Vec<_> = (0..n)
                .map(|_| {
                    std::iter::repeat_with(|| base(&mut rng))
                        .find(|v| v.0 != 0)
                        .unwrap_or(one)
                })
                .collect();
            let column: BaseColumn = values.iter().copied().collect();
            let inverses: Vec<_> = values.iter().map(|v| v.inverse()).collect();
            assert_eq!(inverse_base(&column).unwrap().to_cpu(), inverses);
            let values = secures(&mut rng, n);
            let column: SecureColumn = values.iter().copied().collect();
            let inverses: Vec<_> = values.iter().map(|v| v.inverse()).collect();
            assert_eq!(inverse_secure(&column).unwrap().to_cpu(), inverses);
        }
    });
}

#[test]
fn prefix_sums_equal_simd() {
    on_device(|| {
        let mut rng = rng();
        for log in [1, 2, 4, 5, 8, 9, 13] {
            let values: [_; 3] = std::array::from_fn(|_| bases(&mut rng, 1 << log));
            let mut columns = values
                .each_ref()
                .map(|v| v.iter().copied().collect::<BaseColumn>());
            prefix_sums(&mut columns.each_mut()).unwrap();
            for (values, column) in values.iter().zip(&columns) {
                let simd: SimdColumn = values.iter().copied().collect();
                assert_eq!(
                    column.to_cpu(),
                    inclusive_prefix_sum(simd).to_cpu(),
                    "log {log}"
                );
            }
        }
    });
}

#[test]
fn columns_outlive_scopes_and_end_on_any_thread() {
    let context = CudaContext::new(0).expect("the tests' driver has a device");
    let mut rng = rng();
    let ((_, long), (_, mut short), (_, other)) = context
        .scope(|| (both(&mut rng, 8), both(&mut rng, 4), both(&mut rng, 4)))
        .expect("no operation fails");
    let lift = || {
        [&short, &other]
            .map(|column| CudaBackend::lift_and_accumulate(vec![column.clone(), long.clone()]))
    };
    let lifted = context.scope(lift).expect("no operation fails");
    // Threads that have no context yet: one finds the other kernel of a loaded module, one ends columns.
    let add = || CudaBackend::accumulate(&mut short, &other);
    context.scope(add).expect("no operation fails");
    std::thread::scope(|threads| {
        threads.spawn(move || drop((lifted, long)));
    });
    // What could not be freed is an error of the next call.
    assert_eq!(context.synchronize(), Ok(()));
}

#[test]
fn outside_of_a_scope_there_is_no_device() {
    assert_eq!(CudaContext::current().unwrap_err(), CudaError::NoContext);
}
