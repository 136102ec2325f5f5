//! Allocation on the device and of pinned host memory.

#![allow(non_snake_case, reason = "the names are CUDA's")]

use std::ffi::{c_int, c_uint};

use super::host::{Bytes, Out};
use super::state::{Handle, in_context, on_stream, state, status};
use crate::finding::{Finding, Status};

fn allocate(address: &Out<u64>, bytes: usize) -> Result<(), Status> {
    let (mut state, device) = in_context()?;
    if bytes == 0 {
        return Err(Status::InvalidValue);
    }
    let used = state.devices[device].memory.used();
    if state.settings.allocation_fails() || (used + bytes) as u64 > state.settings.memory {
        let text = format!(
            "no {bytes} bytes are left of the device's {} ({used} are in use)",
            state.settings.memory
        );
        return Err(state.note(&Finding {
            status: Status::OutOfMemory,
            text,
        }));
    }
    address.set(state.devices[device].memory.allocate(bytes).base());
    Ok(())
}

#[unsafe(no_mangle)]
extern "C" fn cuMemAlloc_v2(address: Out<u64>, bytes: usize) -> Status {
    status(allocate(&address, bytes))
}

#[unsafe(no_mangle)]
extern "C" fn cuMemAllocAsync(address: Out<u64>, bytes: usize, _stream: Handle) -> Status {
    status(allocate(&address, bytes))
}

/// Frees at once: it waits for everything first.
#[unsafe(no_mangle)]
extern "C" fn cuMemFree_v2(address: u64) -> Status {
    status(in_context().and_then(|(mut state, device)| {
        state.devices[device].clocks.host_waits_for_all();
        state.deliver(device)?;
        match state.devices[device].memory.free(address) {
            Some(_) => Ok(()),
            None => Err(state.note(&not_allocated(address))),
        }
    }))
}

/// Frees in the order of a stream: whoever else uses the memory must be ordered before.
#[unsafe(no_mangle)]
extern "C" fn cuMemFreeAsync(address: u64, stream: Handle) -> Status {
    status(on_stream(stream, |operation| {
        let allocation = operation
            .memory
            .free(address)
            .ok_or_else(|| not_allocated(address))?;
        let unordered = allocation
            .uses()
            .into_iter()
            .any(|(stream, position)| !operation.issued.past.contains(stream, position));
        if unordered {
            return Err(Finding::host(format!(
                "device memory of {} bytes is freed while another stream's operation may still use it",
                allocation.bytes()
            )));
        }
        Ok(())
    }))
}

fn not_allocated(address: u64) -> Finding {
    Finding {
        status: Status::InvalidValue,
        text: format!("address {address:#x} is freed, where no allocation starts"),
    }
}

/// How much freed memory a pool keeps: here it keeps none.
#[unsafe(no_mangle)]
extern "C" fn cuMemPoolSetAttribute(_pool: Handle, attribute: c_int, _value: Bytes) -> Status {
    const RELEASE_THRESHOLD: c_int = 4;
    match attribute {
        RELEASE_THRESHOLD => Status::Success,
        _ => Status::InvalidValue,
    }
}

#[unsafe(no_mangle)]
extern "C" fn cuMemGetInfo_v2(free: Out<usize>, total: Out<usize>) -> Status {
    status(in_context().map(|(state, device)| {
        let memory = state.settings.memory as usize;
        free.set(memory.saturating_sub(state.devices[device].memory.used()));
        total.set(memory);
    }))
}

#[unsafe(no_mangle)]
extern "C" fn cuMemHostAlloc(host: Out<usize>, bytes: usize, _flags: c_uint) -> Status {
    status(in_context().map(|(mut state, _)| {
        let memory = vec![0u64; bytes.div_ceil(8).max(1)].into_boxed_slice();
        let address = memory.as_ptr() as usize;
        state.pinned.insert(address, memory);
        host.set(address);
    }))
}

#[unsafe(no_mangle)]
extern "C" fn cuMemFreeHost(host: Bytes) -> Status {
    let mut state = state();
    let Some(memory) = state.pinned.remove(&host.address()) else {
        return Status::InvalidValue;
    };
    let range = host.address()..host.address() + 8 * memory.len();
    for device in &mut state.devices {
        device
            .pending
            .retain(|copy| !range.contains(&copy.host.address()));
    }
    Status::Success
}
