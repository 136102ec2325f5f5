//! What the stand-in driver refuses and finds in host programs.

use std::sync::Arc;

use cudarc::driver::sys::CUresult::*;
use cudarc::driver::{
    CudaContext, CudaFunction, CudaStream, DriverError, LaunchConfig, PushKernelArg,
};
use stwo_ml_cuda_tests::{StandIn, exclusive};

const PTX: &str = include_str!("../../../cuda/ptx/gather.ptx");

/// Context, a stream and the kernel `gather`.
fn device() -> (Arc<CudaContext>, Arc<CudaStream>, CudaFunction) {
    let context = CudaContext::new(0).unwrap();
    let stream = context.new_stream().unwrap();
    let kernel = context
        .load_module(PTX.into())
        .unwrap()
        .load_function("gather")
        .unwrap();
    (context, stream, kernel)
}

/// Gathers rows 3, 1, 2 of a column of four rows: its words on `fill`, the launch on `launch`, after `between`.
fn gather(
    kernel: &CudaFunction,
    fill: &Arc<CudaStream>,
    launch: &Arc<CudaStream>,
    threads: u32,
    between: impl FnOnce() -> Result<(), DriverError>,
) -> Result<Vec<u32>, DriverError> {
    use cudarc::driver::DevicePtr;
    let column = fill.clone_htod(&[10u32, 11, 12, 13])?;
    let columns = fill.clone_htod(&[column.device_ptr(fill).0])?;
    let column_of = fill.clone_htod(&[0u32, 0, 0])?;
    let rows = fill.clone_htod(&[3u32, 1, 2])?;
    let mut out = fill.alloc_zeros::<u32>(3)?;
    between()?;
    let config = LaunchConfig {
        grid_dim: (1, 1, 1),
        block_dim: (threads, 1, 1),
        shared_mem_bytes: 0,
    };
    let mut builder = launch.launch_builder(kernel);
    builder
        .arg(&columns)
        .arg(&column_of)
        .arg(&rows)
        .arg(&3u64)
        .arg(&1u32)
        .arg(&mut out);
    // SAFETY: the arguments are the kernel's, and the buffers as long as it takes them to be.
    unsafe { builder.launch(config) }?;
    launch.clone_dtoh(&out)
}

/// Runs `f` alone, with a stand-in in its first state before and after.
fn alone(f: impl FnOnce(&StandIn)) {
    let _alone = exclusive();
    let driver = StandIn::load();
    driver.reset();
    f(&driver);
    driver.reset();
}

#[test]
fn an_event_must_order_two_streams() {
    alone(|driver| {
        let (context, first, kernel) = device();
        let second = context.new_stream().unwrap();
        // SAFETY: this test orders the streams itself, or shows what happens if not.
        unsafe { context.disable_event_tracking() };
        let joined = gather(&kernel, &first, &second, 32, || second.join(&first));
        assert_eq!(joined.unwrap(), [13, 11, 12]);
        let waited = gather(&kernel, &first, &second, 32, || first.synchronize());
        assert_eq!(waited.unwrap(), [13, 11, 12]);
        assert_eq!(driver.take_report(), "");
        let unordered = gather(&kernel, &first, &second, 32, || Ok(()));
        assert_eq!(unordered.unwrap_err().0, CUDA_ERROR_LAUNCH_FAILED);
        let report = driver.take_report();
        assert!(
            report.contains(
                "nothing orders this launch after a write by an operation of another stream"
            ),
            "{report}"
        );
    });
}

#[test]
fn pinned_memory_is_filled_when_the_host_has_waited() {
    alone(|driver| {
        let (context, stream, _) = device();
        let column = stream.clone_htod(&[1u32, 2, 3]).unwrap();
        // SAFETY: the memory is written below before it is read.
        let mut pinned = unsafe { context.alloc_pinned::<u32>(3) }.unwrap();
        pinned.as_mut_slice().unwrap().fill(9);
        stream.memcpy_dtoh(&column, &mut pinned).unwrap();
        stream.synchronize().unwrap();
        assert_eq!(pinned.as_slice().unwrap(), [1, 2, 3]);
        assert_eq!(driver.take_report(), "");
    });
}

#[test]
fn memory_runs_out_at_the_limit_and_at_the_chosen_allocation() {
    alone(|driver| {
        let (_context, stream, _) = device();
        driver.set("memory", 1 << 20);
        let half = stream.alloc_zeros::<u8>(1 << 19).unwrap();
        assert_eq!(
            stream.alloc_zeros::<u8>(1 << 20).unwrap_err().0,
            CUDA_ERROR_OUT_OF_MEMORY
        );
        assert!(
            driver
                .take_report()
                .contains("no 1048576 bytes are left of the device's 1048576")
        );
        drop(half);
        driver.set("memory", 8 << 30);
        driver.set("fail_allocation", 2);
        assert!(stream.alloc_zeros::<u8>(8).is_ok());
        assert_eq!(
            stream.alloc_zeros::<u8>(8).unwrap_err().0,
            CUDA_ERROR_OUT_OF_MEMORY
        );
        assert!(
            stream.alloc_zeros::<u8>(8).is_ok(),
            "the device is usable after it"
        );
    });
}

#[test]
fn launches_fail_when_told_to_and_the_device_stays_unusable() {
    alone(|driver| {
        let (_context, stream, kernel) = device();
        driver.set("fail_launch", 1);
        let failed = gather(&kernel, &stream, &stream, 32, || Ok(()));
        assert_eq!(failed.unwrap_err().0, CUDA_ERROR_LAUNCH_FAILED);
        assert_eq!(
            stream.alloc_zeros::<u8>(8).unwrap_err().0,
            CUDA_ERROR_LAUNCH_FAILED
        );
        driver.reset();
        assert!(stream.alloc_zeros::<u8>(8).is_ok());
    });
}

#[test]
fn launches_beyond_a_device_are_refused() {
    alone(|_| {
        let (_context, stream, kernel) = device();
        for threads in [0, 1025] {
            let refused = gather(&kernel, &stream, &stream, threads, || Ok(()));
            assert_eq!(
                refused.unwrap_err().0,
                CUDA_ERROR_INVALID_VALUE,
                "{threads} threads"
            );
        }
        assert_eq!(
            gather(&kernel, &stream, &stream, 1024, || Ok(())).unwrap(),
            [13, 11, 12]
        );
    });
}

#[test]
fn texts_and_names_that_do_not_fit_are_refused() {
    alone(|driver| {
        let (context, _, _) = device();
        driver.set("ptx_version", 65);
        assert_eq!(
            context.load_module(PTX.into()).unwrap_err().0,
            CUDA_ERROR_UNSUPPORTED_PTX_VERSION
        );
        assert!(
            driver
                .take_report()
                .contains("PTX version 70 is newer than this driver's 65")
        );
        driver.set("ptx_version", 70);
        let module = context.load_module(PTX.into()).unwrap();
        assert_eq!(
            module.load_function("scatter").unwrap_err().0,
            CUDA_ERROR_NOT_FOUND
        );
        let other = PTX.replace("mul.lo.s64", "mul.lo.f64");
        assert_ne!(other, PTX);
        assert_eq!(
            context.load_module(other.into()).unwrap_err().0,
            CUDA_ERROR_INVALID_PTX
        );
        assert_eq!(
            context.load_module("a cubin".into()).unwrap_err().0,
            CUDA_ERROR_INVALID_IMAGE
        );
    });
}

#[test]
fn devices_are_as_many_as_set_and_share_no_memory() {
    alone(|driver| {
        let (_context, first, kernel) = device();
        assert_eq!(CudaContext::device_count().unwrap(), 1);
        assert_eq!(
            CudaContext::new(1).unwrap_err().0,
            CUDA_ERROR_INVALID_DEVICE
        );
        driver.set("devices", 2);
        let other = CudaContext::new(1).unwrap();
        let second = other.new_stream().unwrap();
        let copied = second.clone_htod(&[5u32]).unwrap();
        assert_eq!(second.clone_dtoh(&copied).unwrap(), [5]);
        assert_eq!(
            gather(&kernel, &first, &first, 32, || Ok(())).unwrap(),
            [13, 11, 12]
        );
        driver.set("devices", 0);
        assert_eq!(CudaContext::new(0).unwrap_err().0, CUDA_ERROR_NO_DEVICE);
        driver.set("devices", 1);
        driver.set("init", 803);
        assert!(CudaContext::new(0).is_err());
    });
}

#[test]
fn the_profile_counts_what_ran() {
    alone(|driver| {
        let (_context, stream, kernel) = device();
        driver.take_profile();
        gather(&kernel, &stream, &stream, 32, || Ok(())).unwrap();
        let profile = driver.take_profile();
        assert!(profile.starts_with("gather launches=1 "), "{profile}");
        // Three words: an address, a column's number, a row's number and the word are read, the word is written.
        // The address is the same.
        assert!(
            profile.contains(
                " global_read=60 global_written=12 shared_read=0 shared_written=0 atomics=0 \
                 distinct_read=44 distinct_written=12"
            ),
            "{profile}"
        );
        assert_eq!(driver.take_profile(), "");
    });
}
