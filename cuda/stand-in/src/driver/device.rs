//! Initialisation, devices, contexts, errors.

#![allow(non_snake_case, reason = "the names are CUDA's")]

use std::ffi::{CStr, c_char, c_int, c_uint};

use super::host::Out;
use super::state::{Handle, in_context, initialised, set_current, state, status};
use crate::finding::Status;

/// The name that tells a user that this is no device.
pub(super) const NAME: &str = "ptx-interpreter";
/// Bytes of shared memory that one block may ask for, and has without asking.
pub(super) const SHARED_LIMIT: usize = 163 << 10;
pub(super) const SHARED_DEFAULT: usize = 48 << 10;

#[unsafe(no_mangle)]
extern "C" fn cuInit(_flags: c_uint) -> c_int {
    let mut state = state();
    match state.settings.init {
        0 if state.settings.devices == 0 => Status::NoDevice as c_int,
        0 => {
            state.initialised = true;
            Status::Success as c_int
        }
        failure => failure as c_int,
    }
}

#[unsafe(no_mangle)]
extern "C" fn cuDriverGetVersion(version: Out<c_int>) -> Status {
    version.set(12080);
    Status::Success
}

#[unsafe(no_mangle)]
extern "C" fn cuGetErrorName(error: c_int, name: Out<*const c_char>) -> Status {
    let text: &CStr = match error {
        0 => c"CUDA_SUCCESS",
        1 => c"CUDA_ERROR_INVALID_VALUE",
        2 => c"CUDA_ERROR_OUT_OF_MEMORY",
        3 => c"CUDA_ERROR_NOT_INITIALIZED",
        100 => c"CUDA_ERROR_NO_DEVICE",
        101 => c"CUDA_ERROR_INVALID_DEVICE",
        200 => c"CUDA_ERROR_INVALID_IMAGE",
        201 => c"CUDA_ERROR_INVALID_CONTEXT",
        218 => c"CUDA_ERROR_INVALID_PTX",
        222 => c"CUDA_ERROR_UNSUPPORTED_PTX_VERSION",
        301 => c"CUDA_ERROR_FILE_NOT_FOUND",
        500 => c"CUDA_ERROR_NOT_FOUND",
        600 => c"CUDA_ERROR_NOT_READY",
        700 => c"CUDA_ERROR_ILLEGAL_ADDRESS",
        716 => c"CUDA_ERROR_MISALIGNED_ADDRESS",
        719 => c"CUDA_ERROR_LAUNCH_FAILED",
        801 => c"CUDA_ERROR_NOT_SUPPORTED",
        _ => return Status::InvalidValue,
    };
    name.set(text.as_ptr());
    Status::Success
}

/// The last finding of this status, else its name.
#[unsafe(no_mangle)]
extern "C" fn cuGetErrorString(error: c_int, text: Out<*const c_char>) -> Status {
    let found = state().texts.get(&error).copied();
    match found {
        Some(found) => {
            text.set(found.as_ptr());
            Status::Success
        }
        None => cuGetErrorName(error, text),
    }
}

#[unsafe(no_mangle)]
extern "C" fn cuDeviceGetCount(count: Out<c_int>) -> Status {
    status(initialised().map(|state| count.set(state.settings.devices as c_int)))
}

#[unsafe(no_mangle)]
extern "C" fn cuDeviceGet(device: Out<c_int>, ordinal: c_int) -> Status {
    status(
        initialised()
            .and_then(|mut state| state.device(ordinal))
            .map(|number| device.set(number as c_int)),
    )
}

#[unsafe(no_mangle)]
extern "C" fn cuDeviceGetName(name: super::host::Bytes, length: c_int, _device: c_int) -> Status {
    let mut bytes = NAME.as_bytes().to_vec();
    bytes.truncate((length - 1).max(0) as usize);
    bytes.push(0);
    name.write(&bytes);
    Status::Success
}

#[unsafe(no_mangle)]
extern "C" fn cuDeviceGetUuid(uuid: Out<[u8; 16]>, device: c_int) -> Status {
    let mut bytes = *b"ptx-interpreter\0";
    bytes[15] = device as u8;
    uuid.set(bytes);
    Status::Success
}

#[unsafe(no_mangle)]
extern "C" fn cuDeviceGetUuid_v2(uuid: Out<[u8; 16]>, device: c_int) -> Status {
    cuDeviceGetUuid(uuid, device)
}

#[unsafe(no_mangle)]
extern "C" fn cuDeviceTotalMem_v2(bytes: Out<usize>, _device: c_int) -> Status {
    status(initialised().map(|state| bytes.set(state.settings.memory as usize)))
}

#[unsafe(no_mangle)]
extern "C" fn cuDeviceGetAttribute(value: Out<c_int>, attribute: c_int, _device: c_int) -> Status {
    value.set(match attribute {
        1..=3 => 1024,                // threads of a block, and along x and y
        4 => 64,                      // along z
        5 => c_int::MAX,              // blocks along x
        6 | 7 => 65535,               // along y and z
        8 => SHARED_DEFAULT as c_int, // shared memory of a block, without asking
        10 => 32,                     // lanes of a warp
        16 => 2,                      // multiprocessors
        39 => 2048,                   // threads of a multiprocessor
        75 => 8,                      // compute capability 8.0
        81 => 164 << 10,              // shared memory of a multiprocessor
        97 => SHARED_LIMIT as c_int,  // shared memory of a block, if asked for
        115 => 1,                     // memory pools
        _ => 0,
    });
    Status::Success
}

#[unsafe(no_mangle)]
extern "C" fn cuDevicePrimaryCtxRetain(context: Out<Handle>, device: c_int) -> Status {
    set_handle(&context, device)
}

/// The handle of a device's context and pool, of which it has one each, is its number plus one.
fn set_handle(handle: &Out<Handle>, device: c_int) -> Status {
    status(
        initialised()
            .and_then(|mut state| state.device(device))
            .map(|number| handle.set(number + 1)),
    )
}

/// The pool that asynchronous allocations come from.
#[unsafe(no_mangle)]
extern "C" fn cuDeviceGetDefaultMemPool(pool: Out<Handle>, device: c_int) -> Status {
    set_handle(&pool, device)
}

#[unsafe(no_mangle)]
extern "C" fn cuDevicePrimaryCtxRelease_v2(_device: c_int) -> Status {
    status(initialised().map(|_| ()))
}

/// Clears the error of a device, as a reset does; its memory is lost.
#[unsafe(no_mangle)]
extern "C" fn cuDevicePrimaryCtxReset_v2(device: c_int) -> Status {
    status(initialised().and_then(|mut state| {
        let number = state.device(device)?;
        let device = &mut state.devices[number];
        device.error = None;
        device.pending.clear();
        device.memory.clear();
        Ok(())
    }))
}

#[unsafe(no_mangle)]
extern "C" fn cuCtxSetCurrent(context: Handle) -> Status {
    status(initialised().and_then(|state| match context {
        0 => {
            set_current(None);
            Ok(())
        }
        context if context <= state.devices.len() => {
            set_current(Some(context - 1));
            Ok(())
        }
        _ => Err(Status::InvalidContext),
    }))
}

#[unsafe(no_mangle)]
extern "C" fn cuCtxGetCurrent(context: Out<Handle>) -> Status {
    status(
        initialised().map(|_| context.set(super::state::current().map_or(0, |device| device + 1))),
    )
}

#[unsafe(no_mangle)]
extern "C" fn cuCtxSynchronize() -> Status {
    status(in_context().and_then(|(mut state, device)| {
        state.devices[device].clocks.host_waits_for_all();
        state.deliver(device)
    }))
}

#[unsafe(no_mangle)]
extern "C" fn cuCtxGetStreamPriorityRange(least: Out<c_int>, greatest: Out<c_int>) -> Status {
    least.set(0);
    greatest.set(0);
    Status::Success
}
