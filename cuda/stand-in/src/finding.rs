//! What the checks found: the error a driver would return, and a sentence that says where and why.

use std::fmt;

/// Results of driver calls, by CUDA's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub(crate) enum Status {
    Success = 0,
    InvalidValue = 1,
    OutOfMemory = 2,
    NotInitialized = 3,
    NoDevice = 100,
    InvalidDevice = 101,
    InvalidImage = 200,
    InvalidContext = 201,
    InvalidPtx = 218,
    UnsupportedPtxVersion = 222,
    FileNotFound = 301,
    NotFound = 500,
    NotReady = 600,
    IllegalAddress = 700,
    MisalignedAddress = 716,
    LaunchFailed = 719,
    NotSupported = 801,
}

/// Something that a kernel or a host program must not do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    /// What the driver call returns.
    pub(crate) status: Status,
    /// Kernel, block, thread, source line and what happened.
    pub(crate) text: String,
}

impl Finding {
    /// A finding in the host program's calls.
    pub(crate) fn host(text: impl Into<String>) -> Self {
        Self {
            status: Status::LaunchFailed,
            text: text.into(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
