//! Streams, events and waits.

#![allow(non_snake_case, reason = "the names are CUDA's")]

use std::ffi::{c_int, c_uint};
use std::sync::Arc;

use super::host::Out;
use super::state::{Event, Handle, Stream, in_context, initialised, status};
use crate::finding::Status;

const NON_BLOCKING: c_uint = 1;

#[unsafe(no_mangle)]
extern "C" fn cuStreamCreate(stream: Out<Handle>, flags: c_uint) -> Status {
    status(in_context().map(|(mut state, device)| {
        let number = state.devices[device].clocks.stream();
        let handle = state.handle();
        let blocking = flags & NON_BLOCKING == 0;
        state.streams.insert(
            handle,
            Stream {
                device,
                number,
                blocking,
                running: Arc::default(),
            },
        );
        stream.set(handle);
    }))
}

#[unsafe(no_mangle)]
extern "C" fn cuStreamCreateWithPriority(
    stream: Out<Handle>,
    flags: c_uint,
    _priority: c_int,
) -> Status {
    cuStreamCreate(stream, flags)
}

/// Destroys the name only: its operations end on their own.
#[unsafe(no_mangle)]
extern "C" fn cuStreamDestroy_v2(stream: Handle) -> Status {
    status(initialised().and_then(|mut state| {
        state
            .streams
            .remove(&stream)
            .map(|_| ())
            .ok_or(Status::InvalidValue)
    }))
}

#[unsafe(no_mangle)]
pub(super) extern "C" fn cuStreamSynchronize(stream: Handle) -> Status {
    status(in_context().and_then(|(mut state, device)| {
        let stream = state.stream(stream, device)?;
        let clocks = &mut state.devices[stream.device].clocks;
        let clock = clocks.now(stream.number);
        clocks.host_waits(&clock);
        state.deliver(stream.device)
    }))
}

#[unsafe(no_mangle)]
extern "C" fn cuStreamQuery(stream: Handle) -> Status {
    cuStreamSynchronize(stream)
}

#[unsafe(no_mangle)]
extern "C" fn cuStreamIsCapturing(_stream: Handle, capturing: Out<c_int>) -> Status {
    capturing.set(0);
    Status::Success
}

#[unsafe(no_mangle)]
extern "C" fn cuStreamWaitEvent(stream: Handle, event: Handle, _flags: c_uint) -> Status {
    status(in_context().and_then(|(mut state, device)| {
        let stream = state.stream(stream, device)?;
        let event = state
            .events
            .get(&event)
            .cloned()
            .ok_or(Status::InvalidValue)?;
        match event.recorded {
            None => Ok(()),
            Some((device, _, clock)) if device == stream.device => {
                state.devices[device].clocks.wait(stream.number, &clock);
                Ok(())
            }
            // Devices run independent proofs: none waits for another.
            Some(_) => Err(Status::NotSupported),
        }
    }))
}

#[unsafe(no_mangle)]
extern "C" fn cuEventCreate(event: Out<Handle>, _flags: c_uint) -> Status {
    status(in_context().map(|(mut state, _)| {
        let handle = state.handle();
        state.events.insert(handle, Event::default());
        event.set(handle);
    }))
}

#[unsafe(no_mangle)]
extern "C" fn cuEventDestroy_v2(event: Handle) -> Status {
    status(initialised().and_then(|mut state| {
        state
            .events
            .remove(&event)
            .map(|_| ())
            .ok_or(Status::InvalidValue)
    }))
}

#[unsafe(no_mangle)]
extern "C" fn cuEventRecord(event: Handle, stream: Handle) -> Status {
    status(in_context().and_then(|(mut state, device)| {
        let stream = state.stream(stream, device)?;
        let clock = state.devices[stream.device].clocks.now(stream.number);
        let event = state.events.get_mut(&event).ok_or(Status::InvalidValue)?;
        event.recorded = Some((stream.device, stream.number, clock));
        Ok(())
    }))
}

#[unsafe(no_mangle)]
extern "C" fn cuEventSynchronize(event: Handle) -> Status {
    status(in_context().and_then(|(mut state, _)| {
        let event = state
            .events
            .get(&event)
            .cloned()
            .ok_or(Status::InvalidValue)?;
        let Some((device, _, clock)) = event.recorded else {
            return Ok(());
        };
        state.devices[device].clocks.host_waits(&clock);
        state.deliver(device)
    }))
}

/// Ready only if the host has waited for it: a host that polls once must cope with both answers.
#[unsafe(no_mangle)]
extern "C" fn cuEventQuery(event: Handle) -> Status {
    status(in_context().and_then(|(state, _)| {
        let event = state.events.get(&event).ok_or(Status::InvalidValue)?;
        match &event.recorded {
            Some((device, stream, clock))
                if !state.devices[*device]
                    .clocks
                    .host_knows(*stream, clock.of(*stream)) =>
            {
                Err(Status::NotReady)
            }
            _ => Ok(()),
        }
    }))
}

/// There is no time: the interpreter's says nothing about a device.
#[unsafe(no_mangle)]
extern "C" fn cuEventElapsedTime_v2(
    milliseconds: Out<f32>,
    _start: Handle,
    _end: Handle,
) -> Status {
    milliseconds.set(0.0);
    Status::Success
}

#[unsafe(no_mangle)]
extern "C" fn cuEventElapsedTime(milliseconds: Out<f32>, start: Handle, end: Handle) -> Status {
    cuEventElapsedTime_v2(milliseconds, start, end)
}
