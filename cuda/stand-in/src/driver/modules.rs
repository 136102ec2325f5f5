//! Modules and functions.

#![allow(non_snake_case, reason = "the names are CUDA's")]

use std::ffi::c_int;
use std::sync::Arc;

use super::device::{SHARED_DEFAULT, SHARED_LIMIT};
use super::host::{Out, Text};
use super::state::{Function, Handle, Module, in_context, initialised, status};
use crate::finding::{Finding, Status};
use crate::ptx::{self, LoadError};

fn load(module: &Out<Handle>, image: &[u8]) -> Result<(), Status> {
    let (mut state, device) = in_context()?;
    let refused = |status, text: String| Finding { status, text };
    let text = match std::str::from_utf8(image) {
        Ok(text) if text.contains(".version") => text,
        _ => {
            return Err(state.note(&refused(
                Status::InvalidImage,
                "the image is no PTX text".into(),
            )));
        }
    };
    let loaded = ptx::Module::load(text, state.settings.ptx_version as u32).map_err(|error| {
        let status = match error {
            LoadError::Version { .. } => Status::UnsupportedPtxVersion,
            _ => Status::InvalidPtx,
        };
        state.note(&refused(status, error.to_string()))
    })?;
    let memory = Arc::clone(&state.devices[device].memory);
    let globals = loaded.globals.into_iter().map(|(name, bytes)| {
        let allocation = memory.allocate(bytes.len().max(1));
        allocation.content().write(0, &bytes);
        (name, allocation.base(), bytes.len())
    });
    let globals = globals.collect();
    let handle = state.handle();
    let constants = Arc::new(loaded.constants);
    state.modules.insert(
        handle,
        Module {
            kernels: loaded.kernels,
            constants,
            globals,
            device,
        },
    );
    module.set(handle);
    Ok(())
}

#[unsafe(no_mangle)]
extern "C" fn cuModuleLoadData(module: Out<Handle>, image: Text) -> Status {
    status(load(&module, image.bytes()))
}

#[unsafe(no_mangle)]
extern "C" fn cuModuleLoad(module: Out<Handle>, path: Text) -> Status {
    let image = std::fs::read(path.text()).map_err(|_| Status::FileNotFound);
    status(image.and_then(|image| load(&module, &image)))
}

#[unsafe(no_mangle)]
extern "C" fn cuModuleUnload(module: Handle) -> Status {
    status(initialised().and_then(|mut state| {
        let module = state.modules.remove(&module).ok_or(Status::InvalidValue)?;
        for (_, address, _) in &module.globals {
            state.devices[module.device].memory.free(*address);
        }
        Ok(())
    }))
}

#[unsafe(no_mangle)]
extern "C" fn cuModuleGetFunction(function: Out<Handle>, module: Handle, name: Text) -> Status {
    status(in_context().and_then(|(mut state, _)| {
        let module = state
            .modules
            .get(&module)
            .cloned()
            .ok_or(Status::InvalidValue)?;
        let kernel = module
            .kernels
            .iter()
            .find(|kernel| kernel.name == name.text())
            .cloned();
        let Some(kernel) = kernel else {
            let text = format!("the module has no kernel `{}`", name.text());
            return Err(state.note(&Finding {
                status: Status::NotFound,
                text,
            }));
        };
        let handle = state.handle();
        state.functions.insert(
            handle,
            Function {
                module,
                kernel,
                dynamic_limit: SHARED_DEFAULT,
            },
        );
        function.set(handle);
        Ok(())
    }))
}

#[unsafe(no_mangle)]
extern "C" fn cuModuleGetGlobal_v2(
    address: Out<u64>,
    bytes: Out<usize>,
    module: Handle,
    name: Text,
) -> Status {
    status(in_context().and_then(|(state, _)| {
        let module = state.modules.get(&module).ok_or(Status::InvalidValue)?;
        let found = module
            .globals
            .iter()
            .find(|(global, ..)| global == name.text())
            .ok_or(Status::NotFound)?;
        address.set(found.1);
        bytes.set(found.2);
        Ok(())
    }))
}

const MAX_THREADS: c_int = 0;
const STATIC_SHARED: c_int = 1;
const LOCAL: c_int = 3;
const REGISTERS: c_int = 4;
const DYNAMIC_SHARED_LIMIT: c_int = 8;

#[unsafe(no_mangle)]
extern "C" fn cuFuncGetAttribute(value: Out<c_int>, attribute: c_int, function: Handle) -> Status {
    status(in_context().and_then(|(state, _)| {
        let function = state.functions.get(&function).ok_or(Status::InvalidValue)?;
        value.set(match attribute {
            MAX_THREADS => function.kernel.max_threads as c_int,
            STATIC_SHARED => function.kernel.shared as c_int,
            LOCAL => function.kernel.local as c_int,
            // Registers of the PTX are not those of a device.
            REGISTERS => 0,
            DYNAMIC_SHARED_LIMIT => function.dynamic_limit as c_int,
            _ => 0,
        });
        Ok(())
    }))
}

#[unsafe(no_mangle)]
extern "C" fn cuFuncSetAttribute(function: Handle, attribute: c_int, value: c_int) -> Status {
    status(in_context().and_then(|(mut state, _)| {
        let function = state
            .functions
            .get_mut(&function)
            .ok_or(Status::InvalidValue)?;
        if attribute == DYNAMIC_SHARED_LIMIT {
            let bytes = usize::try_from(value).map_err(|_| Status::InvalidValue)?;
            if bytes + function.kernel.shared > SHARED_LIMIT {
                return Err(Status::InvalidValue);
            }
            function.dynamic_limit = bytes;
        }
        Ok(())
    }))
}

#[unsafe(no_mangle)]
extern "C" fn cuFuncSetCacheConfig(_function: Handle, _config: c_int) -> Status {
    Status::Success
}

#[unsafe(no_mangle)]
extern "C" fn cuOccupancyMaxActiveBlocksPerMultiprocessor(
    blocks: Out<c_int>,
    function: Handle,
    threads: c_int,
    dynamic_shared: usize,
) -> Status {
    status(in_context().and_then(|(state, _)| {
        let function = state.functions.get(&function).ok_or(Status::InvalidValue)?;
        let by_threads = 2048 / usize::try_from(threads).unwrap_or(1).max(1);
        let by_shared = (164 << 10) / (function.kernel.shared + dynamic_shared + 1024);
        blocks.set(by_threads.min(by_shared).min(32) as c_int);
        Ok(())
    }))
}
