//! The GPU challenge on a GPU: [`Gpu`] is a [`millrace_challenge::Device`] over the CUDA driver.
//!
//! `libcuda.so.1` comes with NVIDIA's driver and is loaded when it is asked for; nothing of CUDA is
//! needed to build or to start a worker. The kernels are `kernels/challenge.cu`, which the driver gets
//! as PTX and compiles for the GPU it finds.
//!
//! Not thread-safe on purpose: a [`Gpu`] stays on the thread that opened it.

mod buffer;
mod driver;
mod error;
mod gpu;
mod symbols;

pub use driver::{Driver, Found, LIBRARY};
pub use error::Error;
pub use gpu::Gpu;
