//! What a proof did: operations on the device and on the host by name, and bytes moved.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Operations and bytes since the context was made or [`Counters::reset`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Kernel launches by kernel.
    pub device: BTreeMap<String, u64>,
    /// Operations that run on the host on purpose, by name.
    pub host: BTreeMap<&'static str, u64>,
    /// Bytes copied from the host to the device.
    pub bytes_to_device: u64,
    /// Bytes copied from the device to the host.
    pub bytes_to_host: u64,
    /// Copies from the device to the host: each waits for the device.
    pub copies_to_host: u64,
}

/// Counts of one context, shared between threads.
#[derive(Debug, Default)]
pub struct Counters(Mutex<Counts>);

impl Counters {
    /// The counts so far.
    pub fn snapshot(&self) -> Counts {
        self.update(|counts| counts.clone())
    }

    /// Starts counting from zero.
    pub fn reset(&self) {
        self.update(|counts| *counts = Counts::default());
    }

    /// Counts an operation that the host does on purpose.
    pub fn host(&self, operation: &'static str) {
        self.update(|counts| *counts.host.entry(operation).or_default() += 1);
    }

    pub(crate) fn device(&self, kernel: &str) {
        self.update(|counts| match counts.device.get_mut(kernel) {
            Some(count) => *count += 1,
            None => {
                counts.device.insert(kernel.to_owned(), 1);
            }
        });
    }

    pub(crate) fn to_device(&self, bytes: usize) {
        self.update(|counts| counts.bytes_to_device += bytes as u64);
    }

    pub(crate) fn to_host(&self, bytes: usize) {
        self.update(|counts| {
            counts.bytes_to_host += bytes as u64;
            counts.copies_to_host += 1;
        });
    }

    fn update<R>(&self, f: impl FnOnce(&mut Counts) -> R) -> R {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
