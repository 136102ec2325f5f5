//! What this machine offers, for people who ask why proving on a device works or does not.

use std::sync::Arc;

use cudarc::driver::sys;

use crate::context::CudaContext;
use crate::error::CudaError;
use crate::launch::{self, Grid, MODULES};
use crate::memory::Words;

/// A device, as it presents itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// The driver's number of the device.
    pub ordinal: usize,
    /// Its name.
    pub name: String,
    /// Whether it is the interpreter made for tests.
    pub is_stand_in: bool,
    /// Major and minor version.
    pub compute_capability: (i32, i32),
    /// Bytes of memory that are free.
    pub free_bytes: usize,
    /// Bytes of memory.
    pub total_bytes: usize,
    /// What went wrong when every kernel was loaded and one was run; `None` where all was well.
    pub problem: Option<CudaError>,
}

/// Least compute capability: that for which the kernels are compiled.
pub const COMPUTE_CAPABILITY: (i32, i32) = (8, 0);

/// The version of PTX in which the kernels are written.
pub fn ptx_version() -> &'static str {
    let version = |(_, ptx): &(&str, &'static str)| {
        let text: &'static str = ptx;
        text.lines().find_map(|line| line.strip_prefix(".version "))
    };
    MODULES.iter().find_map(version).unwrap_or("unknown")
}

/// The CUDA version of the driver, major and minor.
///
/// # Errors
/// [`CudaError::NoDriver`] where no driver is installed; driver errors.
pub fn driver_version() -> Result<(i32, i32), CudaError> {
    CudaContext::device_count()?;
    let mut version = 0;
    // SAFETY: the driver is loaded, and the pointer is to an integer that outlives the call.
    unsafe { sys::cuDriverGetVersion(&raw mut version) }
        .result()
        .map_err(CudaError::driver("asking for the driver's version"))?;
    Ok((version / 1000, version % 1000 / 10))
}

/// Opens device `ordinal`, loads every kernel and runs one.
///
/// # Errors
/// [`CudaError`] where the device cannot be opened or asked.
pub fn examine(ordinal: usize) -> Result<Device, CudaError> {
    let context = CudaContext::new(ordinal)?;
    let compute_capability = compute_capability(&context)?;
    let (free_bytes, total_bytes) = context
        .driver()
        .mem_get_info()
        .map_err(CudaError::driver("asking for the device's memory"))?;
    let load = |(module, _): &(&'static str, _)| context.module(module).map(drop);
    let trial = check(&context).and_then(|()| MODULES.iter().try_for_each(load));
    Ok(Device {
        ordinal,
        name: context.name().to_owned(),
        is_stand_in: context.is_stand_in(),
        compute_capability,
        free_bytes,
        total_bytes,
        problem: trial.err(),
    })
}

fn compute_capability(context: &CudaContext) -> Result<(i32, i32), CudaError> {
    let capability = context.driver().compute_capability();
    capability.map_err(CudaError::driver("asking for the compute capability"))
}

/// Whether the device runs the kernels: compares its compute capability with what they need, and
/// runs a small one.
///
/// # Errors
/// [`CudaError::Unsupported`], [`CudaError::UnsupportedPtx`] and [`CudaError::Launch`]; driver errors.
pub fn check(context: &Arc<CudaContext>) -> Result<(), CudaError> {
    let (major, minor) = compute_capability(context)?;
    if (major, minor) < COMPUTE_CAPABILITY {
        let (least_major, least_minor) = COMPUTE_CAPABILITY;
        return Err(CudaError::Unsupported {
            operation: "the CUDA backend",
            reason: format!(
                "compute capability {major}.{minor}: it needs {least_major}.{least_minor}"
            ),
        });
    }
    // 2^31 - 1 is zero, and -1 is 2^31 - 2.
    let mut words = Words::upload(context, vec![i32::MAX.cast_unsigned(), u32::MAX, 5])?;
    launch::integers_to_m31(context, Grid::linear(3), words.ptr_mut()?, 3)?;
    let words = words.download()?;
    if words == [0, i32::MAX.cast_unsigned() - 1, 5] {
        return Ok(());
    }
    Err(CudaError::Launch {
        kernel: "integers_to_m31".into(),
        reason: format!("it wrote {words:?}: the device computes wrong values"),
    })
}
