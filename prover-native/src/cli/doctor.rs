//! `stwo-ml doctor`: which backends this machine can use, and what is wrong with the others.

use serde_json::{Value, json};

use super::{Failure, Output};

/// Arguments of `doctor`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

pub(super) fn run(_: &Args, out: Output) -> Result<(), Failure> {
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let (cuda_text, cuda) = cuda();
    let text = format!("simd   works, on {threads} threads\n{cuda_text}");
    let value = json!({
        "ok": true, "simd": { "usable": true, "threads": threads }, "cuda": cuda,
    });
    out.print(text, &value);
    Ok(())
}

#[cfg(not(feature = "cuda"))]
fn cuda() -> (String, Value) {
    let problem = super::backend::NOT_BUILT;
    (
        format!("cuda   not usable: {problem}"),
        json!({ "usable": false, "problem": problem }),
    )
}

#[cfg(feature = "cuda")]
fn cuda() -> (String, Value) {
    use stwo_ml_cuda::{CudaContext, doctor};

    let ptx = doctor::ptx_version();
    let found = doctor::driver_version().and_then(|version| {
        let count = CudaContext::device_count()?;
        Ok((version, (0..count).map(doctor::examine).collect::<Vec<_>>()))
    });
    let ((major, minor), devices) = match found {
        Ok(found) => found,
        Err(e) => {
            let problem = e.to_string();
            let text = format!("cuda   not usable: {problem}\n  kernels: PTX {ptx}");
            let value = json!({ "usable": false, "problem": problem, "ptx_version": ptx });
            return (text, value);
        }
    };
    let mut lines = vec![format!(
        "  driver: CUDA {major}.{minor}; kernels: PTX {ptx}"
    )];
    let mut values = Vec::new();
    for (ordinal, device) in devices.iter().enumerate() {
        let device = match device {
            Ok(device) => device,
            Err(e) => {
                lines.push(format!("  device {ordinal}: {e}"));
                values.push(json!({ "ordinal": ordinal, "problem": e.to_string() }));
                continue;
            }
        };
        let problem = problem(device);
        let (major, minor) = device.compute_capability;
        lines.push(format!(
            "  device {ordinal}: {}, compute capability {major}.{minor}, {} of {} MiB free: {}",
            device.name,
            device.free_bytes >> 20,
            device.total_bytes >> 20,
            problem.as_deref().unwrap_or("works"),
        ));
        values.push(json!({
            "ordinal": ordinal, "name": device.name,
            "compute_capability": format!("{major}.{minor}"),
            "free_bytes": device.free_bytes, "total_bytes": device.total_bytes,
            "problem": problem,
        }));
    }
    let usable = values.iter().any(|v| v["problem"].is_null());
    let summary = match (usable, devices.is_empty()) {
        (true, _) => "cuda   works",
        (_, true) => "cuda   not usable: the driver sees no device",
        _ => "cuda   not usable: no device works",
    };
    lines.insert(0, summary.into());
    let value = json!({
        "usable": usable, "driver_version": format!("{major}.{minor}"), "ptx_version": ptx,
        "devices": values,
    });
    (lines.join("\n"), value)
}

/// Why a device cannot prove.
#[cfg(feature = "cuda")]
fn problem(device: &stwo_ml_cuda::doctor::Device) -> Option<String> {
    if device.is_stand_in && !super::backend::takes_stand_in() {
        return Some("it is no device: it interprets kernels for tests, and does not prove".into());
    }
    device.problem.as_ref().map(ToString::to_string)
}
