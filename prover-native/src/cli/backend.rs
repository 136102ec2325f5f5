//! The choice of a backend, by name.

use serde_json::{Value, json};
use stwo_ml::backend::{Operations, Simd};

use super::Failure;

/// Where to compute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Name {
    /// The CUDA device if it works, else the CPU; says which and why.
    #[default]
    Auto,
    /// The CPU.
    Simd,
    /// A CUDA device, or an error.
    Cuda,
}

/// The options of a command that commits or proves.
#[derive(Clone, Copy, Debug, Default, clap::Args)]
pub(crate) struct Choice {
    /// Where to compute. `cuda` never falls back to the CPU.
    #[arg(long, value_enum, default_value_t)]
    backend: Name,
    /// Number of the CUDA device.
    #[arg(long, default_value_t = 0, value_name = "NUMBER")]
    device: usize,
}

/// A backend and why it is the one.
pub(crate) struct Chosen {
    pub(crate) backend: Kind,
    /// Why, where the user left it open.
    pub(crate) reason: Option<String>,
}

/// The backends of this build.
pub(crate) enum Kind {
    /// The CPU.
    Simd(Simd),
    /// A CUDA device.
    #[cfg(feature = "cuda")]
    Cuda(Box<stwo_ml::backend::Cuda>),
}

/// Runs an expression with a reference to whichever backend was chosen.
macro_rules! with_backend {
    ($kind:expr, $name:ident => $body:expr) => {
        match $kind {
            $crate::cli::backend::Kind::Simd($name) => $body,
            #[cfg(feature = "cuda")]
            $crate::cli::backend::Kind::Cuda($name) => {
                let $name = &**$name;
                $body
            }
        }
    };
}
pub(crate) use with_backend;

/// Opens a CUDA device.
#[cfg(feature = "cuda")]
fn cuda(device: usize) -> Result<Kind, String> {
    use stwo_ml::backend::Cuda;
    #[cfg(feature = "test-stand-in")]
    let opened = if takes_stand_in() {
        Cuda::new_or_stand_in(device)
    } else {
        Cuda::new(device)
    };
    #[cfg(not(feature = "test-stand-in"))]
    let opened = Cuda::new(device);
    let backend = opened.map_err(|e| e.to_string())?;
    Ok(Kind::Cuda(Box::new(backend)))
}

/// Whether the interpreter made for tests counts as a device: where both the build and the
/// environment say so, since one build of the workspace tests both answers.
#[cfg(feature = "cuda")]
pub(crate) fn takes_stand_in() -> bool {
    cfg!(feature = "test-stand-in") && std::env::var_os("STWO_ML_STAND_IN").is_some()
}

#[cfg(not(feature = "cuda"))]
fn cuda(_: usize) -> Result<Kind, String> {
    Err(NOT_BUILT.into())
}

/// What builds without the feature say.
#[cfg(not(feature = "cuda"))]
pub(crate) const NOT_BUILT: &str =
    "this build has no CUDA backend: install it with `--features cuda`";

impl Choice {
    /// Opens the backend.
    pub(crate) fn open(self) -> Result<Chosen, Failure> {
        let simd = |reason| Chosen {
            backend: Kind::Simd(Simd),
            reason,
        };
        match self.backend {
            Name::Simd => Ok(simd(None)),
            Name::Cuda => {
                let unusable = |e| Failure::Unusable(format!("the cuda backend: {e}"));
                Ok(Chosen {
                    backend: cuda(self.device).map_err(unusable)?,
                    reason: None,
                })
            }
            Name::Auto => Ok(match cuda(self.device) {
                Ok(backend) => Chosen {
                    backend,
                    reason: Some("a CUDA device works".into()),
                },
                Err(e) => simd(Some(e)),
            }),
        }
    }
}

impl Chosen {
    /// The backend's name, with the reason where the choice was left open.
    pub(crate) fn text(&self) -> String {
        let name = self.name();
        match &self.reason {
            Some(reason) => format!("{name} backend (chosen: {reason})"),
            None => format!("{name} backend"),
        }
    }

    /// The backend's name.
    pub(crate) fn name(&self) -> &'static str {
        use stwo_ml::backend::Backend;
        with_backend!(&self.backend, b => b.name())
    }

    /// Operations and bytes so far.
    fn operations(&self) -> Option<Operations> {
        use stwo_ml::backend::Backend;
        with_backend!(&self.backend, b => b.operations())
    }

    /// What ran where, as lines; none for the CPU.
    pub(crate) fn operations_text(&self) -> String {
        let Some(counts) = self.operations() else {
            return String::new();
        };
        let host: Vec<String> = counts
            .host
            .iter()
            .map(|(n, c)| format!("{n} {c}"))
            .collect();
        format!(
            "\n  on {}: {} launches of {} kernels, {} bytes there, {} bytes back in {} copies\n  \
             on the host, on purpose: {}",
            counts.device_name,
            counts.device.values().sum::<u64>(),
            counts.device.len(),
            counts.bytes_to_device,
            counts.bytes_to_host,
            counts.copies_to_host,
            if host.is_empty() {
                "nothing".into()
            } else {
                host.join(", ")
            },
        )
    }

    /// The same as JSON; `null` for the CPU.
    pub(crate) fn operations_json(&self) -> Value {
        self.operations().map_or(Value::Null, |counts| {
            json!({
                "device_name": counts.device_name, "device": counts.device, "host": counts.host,
                "bytes_to_device": counts.bytes_to_device,
                "bytes_to_host": counts.bytes_to_host, "copies_to_host": counts.copies_to_host,
            })
        })
    }
}
