//! stwo's backend traits on the device, one file per family.

use serde::{Deserialize, Serialize};

/// The backend: columns live on the device, operations run there.
///
/// Its operations run inside [`crate::CudaContext::scope`].
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct CudaBackend;
