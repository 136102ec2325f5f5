//! Pointers that the host program passes.
//!
//! The driver API is C: whether a pointer is valid is the caller's promise, made in cudarc's own `unsafe`.

use std::ffi::{CStr, c_char};

/// Where a call puts a result.
#[derive(Debug)]
#[repr(transparent)]
pub(super) struct Out<T>(*mut T);

impl<T> Out<T> {
    /// Writes the result; a null pointer takes none.
    pub(super) fn set(&self, value: T) {
        if !self.0.is_null() {
            // SAFETY: the API demands a pointer to a `T` that may be written.
            unsafe { self.0.write(value) }
        }
    }
}

/// A name or a PTX text that ends with a zero byte.
#[derive(Debug)]
#[repr(transparent)]
pub(super) struct Text(*const c_char);

impl Text {
    pub(super) fn bytes(&self) -> &[u8] {
        if self.0.is_null() {
            return &[];
        }
        // SAFETY: the API demands a string that ends with a zero byte.
        unsafe { CStr::from_ptr(self.0) }.to_bytes()
    }

    pub(super) fn text(&self) -> &str {
        std::str::from_utf8(self.bytes()).unwrap_or("")
    }
}

/// The address of bytes of the host.
#[derive(Clone, Copy, Debug)]
#[repr(transparent)]
pub(super) struct Bytes(usize);

impl Bytes {
    pub(super) fn address(&self) -> usize {
        self.0
    }

    pub(super) fn read(&self, bytes: usize) -> Vec<u8> {
        if bytes == 0 || self.0 == 0 {
            return vec![0; bytes];
        }
        // SAFETY: the API demands that many readable bytes; they need not be aligned.
        unsafe { std::slice::from_raw_parts(self.0 as *const u8, bytes) }.to_vec()
    }

    pub(super) fn write(&self, source: &[u8]) {
        if self.0 != 0 {
            // SAFETY: the API demands that many writable bytes, which no one else holds meanwhile.
            unsafe {
                std::ptr::copy_nonoverlapping(source.as_ptr(), self.0 as *mut u8, source.len())
            }
        }
    }
}

/// The array of pointers to a kernel's arguments.
#[derive(Debug)]
#[repr(transparent)]
pub(super) struct Arguments(*const Bytes);

impl Arguments {
    /// Argument number `at`.
    pub(super) fn argument(&self, at: usize) -> Bytes {
        // SAFETY: the API demands as many pointers as the kernel has parameters.
        unsafe { *self.0.add(at) }
    }

    pub(super) fn is_null(&self) -> bool {
        self.0.is_null()
    }
}
