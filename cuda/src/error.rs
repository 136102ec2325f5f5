//! What can go wrong between the host and the device, as one typed error.
//!
//! stwo's backend traits return values, not results. Inside them a device error unwinds with a
//! [`CudaError`] as its payload, and [`crate::CudaContext::scope`], the only way to run them,
//! catches it and returns it. No other panic is caught.

use cudarc::driver::DriverError;

/// A failure of the device, its driver or the run-time compiler.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CudaError {
    /// The driver's library cannot be loaded.
    #[error(
        "no CUDA driver was found (libcuda): install NVIDIA's driver or choose another backend"
    )]
    NoDriver,
    /// The driver has no such device.
    #[error(
        "CUDA device {ordinal} does not exist: the driver sees {found}; choose a number below that"
    )]
    NoDevice {
        /// The number asked for.
        ordinal: usize,
        /// How many devices the driver sees.
        found: usize,
    },
    /// The device's memory is used up.
    #[error(
        "the device has no room for {requested} more bytes ({free} of {total} free): \
         prove a smaller statement or use a device with more memory"
    )]
    OutOfMemory {
        /// Bytes asked for.
        requested: usize,
        /// Bytes free when the request failed.
        free: usize,
        /// Bytes of the device.
        total: usize,
    },
    /// The driver cannot load a module of kernels.
    #[error(
        "the driver refuses the PTX of {module} ({reason}): PTX {version} needs a newer driver"
    )]
    UnsupportedPtx {
        /// Name of the kernels' source file.
        module: String,
        /// PTX version of the module.
        version: String,
        /// The driver's words.
        reason: String,
    },
    /// A kernel could not be launched, or an earlier one failed.
    #[error("kernel {kernel} failed: {reason}")]
    Launch {
        /// Name of the kernel.
        kernel: String,
        /// The driver's words.
        reason: String,
    },
    /// Another call of the driver failed, perhaps because of an earlier kernel.
    #[error("{call} failed: {reason}")]
    Driver {
        /// The operation that failed.
        call: &'static str,
        /// The driver's words.
        reason: String,
    },
    /// A backend operation ran outside of [`crate::CudaContext::scope`].
    #[error("no CUDA device is selected on this thread: run the proof inside CudaContext::scope")]
    NoContext,
    /// The constraints of a component could not be compiled for the device.
    #[error("cannot compile the constraints for the device: {reason}")]
    Compile {
        /// The compiler's words.
        reason: String,
    },
    /// A size that an operation does not handle.
    #[error("{operation} does not handle {reason}")]
    Unsupported {
        /// The operation.
        operation: &'static str,
        /// What was asked of it.
        reason: String,
    },
}

impl CudaError {
    pub(crate) fn driver(call: &'static str) -> impl Fn(DriverError) -> Self {
        move |error| Self::Driver {
            call,
            reason: error.to_string(),
        }
    }

    pub(crate) fn launch(kernel: &str, error: DriverError) -> Self {
        Self::Launch {
            kernel: kernel.to_owned(),
            reason: error.to_string(),
        }
    }
}

/// Unwinds to the enclosing [`crate::CudaContext::scope`] where a trait of stwo allows no `Result`.
pub trait OrRaise<T> {
    /// The value; an error unwinds, without running the panic hook.
    fn or_raise(self) -> T;
}

impl<T> OrRaise<T> for Result<T, CudaError> {
    fn or_raise(self) -> T {
        self.unwrap_or_else(|error| std::panic::resume_unwind(Box::new(error)))
    }
}
