//! Independent proofs on several devices: each device takes the next one when it is free.
//!
//! A proof stays on one device from upload to decommitment; nothing is sharded.

use std::sync::{Arc, Mutex, PoisonError};

use crate::context::CudaContext;
use crate::error::CudaError;

/// Opens every device that the driver sees.
///
/// # Errors
/// [`CudaError::NoDriver`] without a driver, [`CudaError::NoDevice`] without a device, and what
/// any of the devices reports.
pub fn all_devices() -> Result<Vec<Arc<CudaContext>>, CudaError> {
    match CudaContext::device_count()? {
        0 => Err(CudaError::NoDevice {
            ordinal: 0,
            found: 0,
        }),
        count => (0..count).map(CudaContext::new).collect(),
    }
}

/// Runs `prove` on every job, on whichever of the devices is free, and returns the results in the
/// jobs' order. A job that fails is not tried elsewhere: its error is its result.
///
/// `devices` may be any handles of devices, for example backends.
///
/// # Panics
/// Without a device; where `prove` panics.
pub fn spread<D: Sync, J: Send, R: Send>(
    devices: &[D],
    jobs: impl IntoIterator<Item = J>,
    prove: impl Fn(&D, J) -> R + Sync,
) -> Vec<R> {
    assert!(!devices.is_empty(), "proofs need a device");
    let jobs: Vec<J> = jobs.into_iter().collect();
    let mut results: Vec<Option<R>> = jobs.iter().map(|_| None).collect();
    let queue = Mutex::new(jobs.into_iter().zip(results.iter_mut()));
    std::thread::scope(|threads| {
        for device in devices {
            threads.spawn(|| {
                let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).next();
                while let Some((job, result)) = next() {
                    *result = Some(prove(device, job));
                }
            });
        }
    });
    let done = results.into_iter();
    done.map(|r| r.expect("every job was taken")).collect()
}
