//! What tests of the CUDA backend share: the switches of the stand-in driver.
//!
//! Every test of this package loads the `libcuda.so` of `cuda/stand-in` that cargo builds beside it, because
//! the package depends on it (and see `build.rs`): a bare `cargo test -p stwo-ml-cuda-tests` runs the kernels. Settings,
//! errors and reports are the process's: tests that change a setting or expect a finding live in a file of
//! their own and hold [`exclusive`].

pub mod compile;

use std::ffi::{CString, c_char, c_int, c_void};
use std::sync::{Mutex, MutexGuard, PoisonError};

use libloading::{Library, Symbol};

/// The stand-in driver of this process.
#[derive(Debug)]
pub struct StandIn(Library);

/// Runs the tests of a file one after the other.
pub fn exclusive() -> MutexGuard<'static, ()> {
    static LOCK: Mutex<()> = Mutex::new(());
    LOCK.lock().unwrap_or_else(PoisonError::into_inner)
}

impl StandIn {
    /// The library that cudarc loads too.
    ///
    /// # Panics
    /// If there is none or it is a real driver: the tests' own build is broken.
    pub fn load() -> Self {
        // SAFETY: the stand-in runs no code when it is loaded.
        let library = unsafe { Library::new("libcuda.so") }.expect("libcuda.so of cuda/stand-in");
        let driver = Self(library);
        let _: Symbol<'_, unsafe extern "C" fn()> = driver.symbol("stand_in_reset");
        driver
    }

    /// Changes a setting: `devices`, `memory` (bytes), `ptx_version` (70 is 7.0), `reversed` (0 or 1), `init`
    /// (the status of `cuInit`), `fail_allocation` and `fail_launch` (which one from now on, 0 for none).
    ///
    /// # Panics
    /// If there is none of this name.
    pub fn set(&self, name: &str, value: u64) {
        let text = CString::new(name).expect("a name");
        let set: Symbol<'_, unsafe extern "C" fn(*const c_char, u64) -> c_int> =
            self.symbol("stand_in_set");
        // SAFETY: the pointer is to a string that ends with a zero byte, as the function demands.
        assert_eq!(unsafe { set(text.as_ptr(), value) }, 1, "no setting {name}");
    }

    /// Back to the default settings, without errors, findings and profile.
    pub fn reset(&self) {
        let reset: Symbol<'_, unsafe extern "C" fn()> = self.symbol("stand_in_reset");
        // SAFETY: the function takes nothing.
        unsafe { reset() }
    }

    /// The findings since the last call, one a line.
    pub fn take_report(&self) -> String {
        self.take("stand_in_take_report")
    }

    /// The profile since the last call: a kernel a line, its name and `counter=value` words.
    pub fn take_profile(&self) -> String {
        self.take("stand_in_take_profile")
    }

    fn take(&self, name: &str) -> String {
        let take: Symbol<'_, unsafe extern "C" fn(*mut c_void, usize) -> usize> = self.symbol(name);
        let mut text: Vec<u8> = Vec::new();
        loop {
            // SAFETY: the buffer has the length that is passed.
            let needed = unsafe { take(text.as_mut_ptr().cast(), text.len()) };
            if needed <= text.len() {
                text.truncate(needed);
                return String::from_utf8(text).expect("the stand-in writes UTF-8");
            }
            text.resize(needed, 0);
        }
    }

    fn symbol<T>(&self, name: &str) -> Symbol<'_, T> {
        // SAFETY: the callers give each function the type that `cuda/stand-in` declares.
        unsafe { self.0.get(name) }
            .unwrap_or_else(|_| panic!("libcuda.so has no {name}: a real driver?"))
    }
}
