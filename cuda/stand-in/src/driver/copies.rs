//! Copies between host and device, and memsets.

#![allow(non_snake_case, reason = "the names are CUDA's")]

use super::host::Bytes;
use super::state::{Handle, Operation, Pending, on_stream, state, status};
use crate::finding::{Finding, Status};
use crate::memory::allocation::Allocation;
use crate::memory::shadow::Access;
use std::sync::Arc;

/// Finds the bytes of a copy and records its access to each word.
fn bytes_of(
    operation: &Operation,
    address: u64,
    bytes: usize,
    writes: bool,
    what: &str,
) -> Result<(Arc<Allocation>, usize), Finding> {
    let outside = |where_: String| Finding {
        status: Status::InvalidValue,
        text: format!(
            "{what} of {bytes} bytes {} outside of memory: {where_}",
            if writes { "writes" } else { "reads" }
        ),
    };
    let allocation = operation
        .memory
        .find(address)
        .ok_or_else(|| outside(format!("address {address:#x}, where nothing is allocated")))?;
    let offset = allocation.offset(address, bytes).ok_or_else(|| {
        let offset = address.wrapping_sub(allocation.base()) as i64;
        outside(format!(
            "byte {offset} of an allocation of {}",
            allocation.bytes()
        ))
    })?;
    allocation.note_use(operation.stream.number, operation.issued.position);
    let tag = Access::new(operation.issued.operation, 0, 0, 0, 0);
    for cell in &allocation.shadow()[offset / 4..(offset + bytes).div_ceil(4)] {
        let past = &operation.issued.past;
        if writes { cell.write(tag, past) } else { cell.read(tag, past) }.map_err(|conflict| {
            Finding::host(format!(
                "race: nothing orders {what} of {bytes} bytes after {} of another stream to the same memory",
                if conflict.earlier_writes { "a write" } else { "a read" }
            ))
        })?;
    }
    Ok((allocation, offset))
}

fn to_device(target: u64, host: Bytes, bytes: usize, stream: Handle) -> Result<(), Status> {
    on_stream(stream, |operation| {
        let (allocation, offset) =
            bytes_of(operation, target, bytes, true, "a copy from the host")?;
        let content = host.read(bytes);
        allocation.content().write(offset, &content);
        let mut state = state();
        if state.is_pinned(host, bytes) {
            let (stream, position) = (operation.stream.number, operation.issued.position);
            let copy = Pending {
                stream,
                position,
                host,
                bytes: content,
                to_host: false,
            };
            state.devices[operation.stream.device].pending.push(copy);
        }
        Ok(())
    })
}

fn to_host(host: Bytes, source: u64, bytes: usize, stream: Handle) -> Result<(), Status> {
    on_stream(stream, |operation| {
        let (allocation, offset) = bytes_of(operation, source, bytes, false, "a copy to the host")?;
        if let Some(first) = allocation.content().first_unwritten(offset, bytes) {
            return Err(Finding::host(format!(
                "a copy to the host reads what was never written (uninitialised): byte {first} of an allocation of {}",
                allocation.bytes()
            )));
        }
        let mut content = vec![0; bytes];
        allocation.content().read(offset, &mut content);
        let mut state = state();
        let (stream, position) = (operation.stream.number, operation.issued.position);
        let device = operation.stream.device;
        if state.is_pinned(host, bytes) {
            let copy = Pending {
                stream,
                position,
                host,
                bytes: content,
                to_host: true,
            };
            state.devices[device].pending.push(copy);
        } else {
            // A copy to pageable memory returns when it is done.
            host.write(&content);
            let clock = state.devices[device].clocks.now(stream);
            state.devices[device].clocks.host_waits(&clock);
        }
        Ok(())
    })
}

fn on_device(target: u64, source: u64, bytes: usize, stream: Handle) -> Result<(), Status> {
    on_stream(stream, |operation| {
        let (from, start) = bytes_of(operation, source, bytes, false, "a copy on the device")?;
        if let Some(first) = from.content().first_unwritten(start, bytes) {
            return Err(Finding::host(format!(
                "a copy on the device reads what was never written (uninitialised): byte {first} of an allocation of {}",
                from.bytes()
            )));
        }
        let mut content = vec![0; bytes];
        from.content().read(start, &mut content);
        let (to, start) = bytes_of(operation, target, bytes, true, "a copy on the device")?;
        to.content().write(start, &content);
        Ok(())
    })
}

fn fill(target: u64, unit: &[u8], count: usize, stream: Handle) -> Result<(), Status> {
    let content = unit.repeat(count);
    on_stream(stream, |operation| {
        let (allocation, offset) = bytes_of(operation, target, content.len(), true, "a memset")?;
        allocation.content().write(offset, &content);
        Ok(())
    })
}

fn wait_for(stream: Handle, result: Result<(), Status>) -> Status {
    match result {
        Ok(()) => super::events::cuStreamSynchronize(stream),
        Err(failure) => failure,
    }
}

#[unsafe(no_mangle)]
extern "C" fn cuMemcpyHtoDAsync_v2(
    target: u64,
    host: Bytes,
    bytes: usize,
    stream: Handle,
) -> Status {
    status(to_device(target, host, bytes, stream))
}

#[unsafe(no_mangle)]
extern "C" fn cuMemcpyDtoHAsync_v2(
    host: Bytes,
    source: u64,
    bytes: usize,
    stream: Handle,
) -> Status {
    status(to_host(host, source, bytes, stream))
}

#[unsafe(no_mangle)]
extern "C" fn cuMemcpyDtoDAsync_v2(
    target: u64,
    source: u64,
    bytes: usize,
    stream: Handle,
) -> Status {
    status(on_device(target, source, bytes, stream))
}

#[unsafe(no_mangle)]
extern "C" fn cuMemsetD8Async(target: u64, value: u8, count: usize, stream: Handle) -> Status {
    status(fill(target, &[value], count, stream))
}

#[unsafe(no_mangle)]
extern "C" fn cuMemsetD32Async(target: u64, value: u32, count: usize, stream: Handle) -> Status {
    status(fill(target, &value.to_le_bytes(), count, stream))
}

#[unsafe(no_mangle)]
extern "C" fn cuMemcpyHtoD_v2(target: u64, host: Bytes, bytes: usize) -> Status {
    wait_for(0, to_device(target, host, bytes, 0))
}

#[unsafe(no_mangle)]
extern "C" fn cuMemcpyDtoH_v2(host: Bytes, source: u64, bytes: usize) -> Status {
    wait_for(0, to_host(host, source, bytes, 0))
}

#[unsafe(no_mangle)]
extern "C" fn cuMemcpyDtoD_v2(target: u64, source: u64, bytes: usize) -> Status {
    status(on_device(target, source, bytes, 0))
}

#[unsafe(no_mangle)]
extern "C" fn cuMemsetD8_v2(target: u64, value: u8, count: usize) -> Status {
    status(fill(target, &[value], count, 0))
}

#[unsafe(no_mangle)]
extern "C" fn cuMemsetD32_v2(target: u64, value: u32, count: usize) -> Status {
    status(fill(target, &value.to_le_bytes(), count, 0))
}
