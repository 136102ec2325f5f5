//! Kernel launches and host callbacks.

#![allow(non_snake_case, reason = "the names are CUDA's")]

use std::ffi::{c_uint, c_void};

use super::device::SHARED_LIMIT;
use super::host::Arguments;
use super::state::{Function, Handle, in_context, on_stream, state, status};
use crate::finding::{Finding, Status};
use crate::machine::Launch;

#[unsafe(no_mangle)]
extern "C" fn cuLaunchKernel(
    function: Handle,
    grid_x: c_uint,
    grid_y: c_uint,
    grid_z: c_uint,
    block_x: c_uint,
    block_y: c_uint,
    block_z: c_uint,
    dynamic_shared: c_uint,
    stream: Handle,
    arguments: Arguments,
    extra: usize,
) -> Status {
    let (grid, block) = ([grid_x, grid_y, grid_z], [block_x, block_y, block_z]);
    status(launch(
        function,
        grid,
        block,
        dynamic_shared as usize,
        stream,
        &arguments,
        extra,
    ))
}

fn launch(
    function: Handle,
    grid: [u32; 3],
    block: [u32; 3],
    dynamic_shared: usize,
    stream: Handle,
    arguments: &Arguments,
    extra: usize,
) -> Result<(), Status> {
    let (function, reversed, fails) = {
        let (mut state, device) = in_context()?;
        let function = state
            .functions
            .get(&function)
            .cloned()
            .ok_or(Status::InvalidValue)?;
        if function.module.device != device {
            return Err(Status::InvalidContext);
        }
        if let Some(refusal) = refusal(&function, grid, block, dynamic_shared) {
            let text = format!("launch of {}: {refusal}", function.kernel.name);
            return Err(state.note(&Finding {
                status: Status::InvalidValue,
                text,
            }));
        }
        let fails = state.settings.launch_fails();
        (function, state.settings.reversed != 0, fails)
    };
    if extra != 0 || arguments.is_null() && !function.kernel.parameters.is_empty() {
        return Err(Status::InvalidValue);
    }
    let mut parameters = vec![
        0;
        function
            .kernel
            .parameters
            .last()
            .map_or(0, |last| last.offset + last.bytes)
    ];
    for (position, parameter) in function.kernel.parameters.iter().enumerate() {
        let bytes = arguments.argument(position).read(parameter.bytes);
        parameters[parameter.offset..][..parameter.bytes].copy_from_slice(&bytes);
    }
    let globals: Vec<u64> = function
        .module
        .globals
        .iter()
        .map(|(_, address, _)| *address)
        .collect();
    let profile = on_stream(stream, |operation| {
        if fails {
            return Err(Finding::host(format!(
                "launch of {}: fails as it was told to",
                function.kernel.name
            )));
        }
        let launch = Launch {
            kernel: &function.kernel,
            parameters: &parameters,
            constants: &function.module.constants,
            globals: &globals,
            memory: &operation.memory,
            grid,
            block,
            dynamic_shared,
            reversed,
            issued: &operation.issued,
            stream: operation.stream.number,
        };
        launch.run()
    })?;
    state()
        .profiles
        .entry(function.kernel.name.clone())
        .or_default()
        .add(&profile);
    Ok(())
}

/// Why a device of compute capability 8.0 would refuse a launch.
fn refusal(
    function: &Function,
    grid: [u32; 3],
    block: [u32; 3],
    dynamic_shared: usize,
) -> Option<String> {
    let threads = block.iter().map(|size| u64::from(*size)).product::<u64>();
    let most = u64::from(function.kernel.max_threads.min(1024));
    if grid.contains(&0) || threads == 0 {
        return Some(format!(
            "a grid of {grid:?} blocks of {block:?} threads is empty"
        ));
    }
    if grid[1] > 65535 || grid[2] > 65535 || block[2] > 64 {
        return Some(format!(
            "a grid of {grid:?} blocks of {block:?} threads is too large along an axis"
        ));
    }
    if threads > most {
        return Some(format!(
            "{threads} threads in a block; the kernel was compiled for at most {most}"
        ));
    }
    if dynamic_shared > function.dynamic_limit
        || dynamic_shared + function.kernel.shared > SHARED_LIMIT
    {
        return Some(format!(
            "{dynamic_shared} bytes of dynamic shared memory; the function allows {}, and {SHARED_LIMIT} with its static {}",
            function.dynamic_limit, function.kernel.shared
        ));
    }
    None
}

/// Calls back when the stream has come so far: at once.
#[unsafe(no_mangle)]
extern "C" fn cuLaunchHostFunc(
    stream: Handle,
    callback: extern "C" fn(*mut c_void),
    argument: *mut c_void,
) -> Status {
    status(on_stream(stream, |_| {
        callback(argument);
        Ok(())
    }))
}
