use std::ffi::c_int;
use std::path::PathBuf;

use millrace_protocol::Diagnostic;
use thiserror::Error;

/// Why a GPU cannot be used through the driver.
#[derive(Debug, Error)]
pub enum Error {
    #[error("the CUDA driver {path} cannot be loaded")]
    LibraryMissing { path: PathBuf, source: libloading::Error },
    #[error("the CUDA driver {path} is loaded and its file cannot be read")]
    LibraryUnreadable { path: PathBuf, source: std::io::Error },
    #[error("the CUDA driver has no {symbol}")]
    SymbolMissing { symbol: &'static str },
    #[error("the CUDA driver finds no GPU")]
    NoGpu,
    #[error("no GPU of this machine has the UUID {uuid}")]
    GpuUnknown { uuid: String },
    #[error("the GPU's memory is too small for {bytes} bytes more")]
    OutOfMemory { bytes: u64 },
    #[error("the driver refuses the kernels (status {status})")]
    KernelsRefused { status: i32 },
    #[error("{call} failed with status {status}")]
    Failed { call: &'static str, status: i32 },
}

/// Values of the driver API's `CUresult`.
const OUT_OF_MEMORY: c_int = 2;
const NO_DEVICE: c_int = 100;
const NO_BINARY_FOR_GPU: c_int = 209;
const INVALID_PTX: c_int = 218;
const UNSUPPORTED_PTX_VERSION: c_int = 222;

/// What a driver call's status says.
pub(crate) fn check(call: &'static str, status: c_int) -> Result<(), Error> {
    match status {
        0 => Ok(()),
        NO_DEVICE => Err(Error::NoGpu),
        NO_BINARY_FOR_GPU | INVALID_PTX | UNSUPPORTED_PTX_VERSION => Err(Error::KernelsRefused { status }),
        _ => Err(Error::Failed { call, status }),
    }
}

/// The same of a call that takes `bytes` of the GPU's memory.
pub(crate) fn check_memory(call: &'static str, status: c_int, bytes: u64) -> Result<(), Error> {
    if status == OUT_OF_MEMORY { Err(Error::OutOfMemory { bytes }) } else { check(call, status) }
}

impl Diagnostic for Error {
    fn code(&self) -> &'static str {
        match self {
            Self::LibraryMissing { .. } => "cuda-driver-missing",
            Self::LibraryUnreadable { .. } => "cuda-driver-unreadable",
            Self::SymbolMissing { .. } => "cuda-driver-old",
            Self::NoGpu => "cuda-no-gpu",
            Self::GpuUnknown { .. } => "cuda-gpu-unknown",
            Self::OutOfMemory { .. } => "cuda-out-of-memory",
            Self::KernelsRefused { .. } => "cuda-kernels-refused",
            Self::Failed { .. } => "cuda-call-failed",
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::LibraryMissing { .. } => "install NVIDIA's driver; `nvidia-smi` must list the GPU",
            Self::LibraryUnreadable { .. } => "restart the worker after an upgrade of NVIDIA's driver",
            Self::SymbolMissing { .. } | Self::KernelsRefused { .. } => {
                "install a driver of NVIDIA's that is not older than CUDA 11, for a GPU not older than Volta"
            }
            Self::NoGpu | Self::GpuUnknown { .. } => {
                "compare with `nvidia-smi --list-gpus`, and check that CUDA_VISIBLE_DEVICES hides none"
            }
            Self::OutOfMemory { .. } => "end what else uses the GPU's memory: `nvidia-smi` lists it",
            Self::Failed { .. } => "look the status up in CUDA's list of CUresult, and for Xid errors in `dmesg`",
        }
        .to_owned()
    }
}
