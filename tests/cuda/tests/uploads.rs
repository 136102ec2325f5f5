//! Uploads on a stream beside the kernels': every use of the words comes after them, their end too.
//!
//! The stand-in refuses an operation that nothing orders after the copy; a GPU would now and then read old words.

use std::sync::Arc;

use stwo_ml::backend::{Backend, Committed, Cuda, Simd};
use stwo_ml_cuda::memory::Words;
use stwo_ml_cuda::{CudaContext, CudaError};
use stwo_ml_verifier::Level;
use stwo_ml_verifier::field::M31;

const VALUES: [u32; 6] = [5, 8, 13, 21, 34, 55];

fn context() -> Arc<CudaContext> {
    CudaContext::new(0).expect("the tests' driver has a device")
}

fn upload(context: &Arc<CudaContext>) -> Words {
    Words::upload(context, VALUES.to_vec()).unwrap()
}

#[test]
fn the_first_use_waits_whichever_it_is() {
    let context = context();
    assert_eq!(upload(&context).download().unwrap(), VALUES);
    assert_eq!(upload(&context).slice(2..4).download().unwrap(), [13, 21]);
    let copy = upload(&context).duplicate().unwrap();
    assert_eq!(copy.download().unwrap(), VALUES);

    let mut target = upload(&context);
    target.copy_from(1, &upload(&context).slice(0..2)).unwrap();
    assert_eq!(target.download().unwrap(), [5, 5, 8, 21, 34, 55]);

    let mut written = upload(&context);
    written.write(5, vec![89]).unwrap();
    assert_eq!(written.download().unwrap(), [5, 8, 13, 21, 34, 89]);

    // Columns of two values change places.
    let mut reversed = Words::upload(&context, vec![1u32, 2, 3, 4]).unwrap();
    stwo_ml_cuda::backend::bit_reverse_columns(&mut reversed, 2).unwrap();
    assert_eq!(reversed.download().unwrap(), [1, 3, 2, 4]);
}

#[test]
fn memory_that_nobody_used_is_freed_after_the_upload() {
    let context = context();
    drop(upload(&context));
    drop(Words::upload::<u32>(&context, Vec::new()).unwrap());
    // An error of freeing is kept for the next call.
    context.synchronize().unwrap();
}

#[test]
fn threads_that_use_an_upload_first_all_wait() {
    let context = context();
    for _ in 0..20 {
        let words = upload(&context);
        std::thread::scope(|scope| {
            let read = || words.slice(1..3).download();
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(read)).collect();
            for thread in threads {
                let values: Result<Vec<u32>, CudaError> = thread.join().unwrap();
                assert_eq!(values.unwrap(), [8, 13]);
            }
        });
    }
}

#[test]
fn a_table_in_several_parts_commits_to_the_same_cap() {
    // Five columns of 2^16 rows: four in the first part of a megabyte, one in the second.
    let (log_rows, columns) = (16, 5);
    let cells: Vec<M31> = (0..columns << log_rows)
        .map(|i: u64| M31::reduce(i * 0x9e37_79b9))
        .collect();
    let level = Level::TestTiny.parameters();
    let cuda = Cuda::new_or_stand_in(0).unwrap();
    let device = cuda.commit(cells.clone(), log_rows, level).unwrap();
    let simd = Simd.commit(cells, log_rows, level).unwrap();
    assert_eq!(device.cap(3).unwrap(), simd.cap(3).unwrap());
}
