//! The driver API's functions that the challenge needs, under the names the library exports.

use std::ffi::{c_char, c_int, c_uint, c_void};
use std::path::Path;

use libloading::Library;

use crate::Error;

/// Handles of the driver API: opaque to everybody but the driver.
pub(crate) type Context = *mut c_void;
pub(crate) type Module = *mut c_void;
pub(crate) type Function = *mut c_void;
pub(crate) type Pointer = u64;
type Stream = *mut c_void;

macro_rules! symbols {
    ($($field:ident = $symbol:literal ( $($argument:ty),* ))*) => {
        /// The functions, and the library they live in.
        pub(crate) struct Symbols {
            $(pub $field: unsafe extern "C" fn($($argument),*) -> c_int,)*
            _library: Library,
        }

        impl Symbols {
            /// # Errors
            /// [`Error::LibraryMissing`], [`Error::SymbolMissing`].
            #[allow(unsafe_code, reason = "a shared library's functions have the types we say")]
            pub fn load(path: &Path) -> Result<Self, Error> {
                let missing = |source| Error::LibraryMissing { path: path.to_owned(), source };
                // SAFETY: the driver's initialisers are NVIDIA's, and run in every program that uses CUDA.
                let library = unsafe { Library::new(path) }.map_err(missing)?;
                $(
                    // SAFETY: the type is the one cuda.h gives this symbol.
                    let $field = *unsafe { library.get(concat!($symbol, "\0").as_bytes()) }
                        .map_err(|_| Error::SymbolMissing { symbol: $symbol })?;
                )*
                Ok(Self { $($field,)* _library: library })
            }
        }
    };
}

symbols! {
    init = "cuInit" (c_uint)
    device_count = "cuDeviceGetCount" (*mut c_int)
    device = "cuDeviceGet" (*mut c_int, c_int)
    device_name = "cuDeviceGetName" (*mut c_char, c_int, c_int)
    device_uuid = "cuDeviceGetUuid_v2" (*mut [u8; 16], c_int)
    device_memory = "cuDeviceTotalMem_v2" (*mut usize, c_int)
    retain_context = "cuDevicePrimaryCtxRetain" (*mut Context, c_int)
    release_context = "cuDevicePrimaryCtxRelease_v2" (c_int)
    set_current = "cuCtxSetCurrent" (Context)
    synchronize = "cuCtxSynchronize" ()
    load_module = "cuModuleLoadData" (*mut Module, *const c_void)
    unload_module = "cuModuleUnload" (Module)
    function = "cuModuleGetFunction" (*mut Function, Module, *const c_char)
    allocate = "cuMemAlloc_v2" (*mut Pointer, usize)
    free = "cuMemFree_v2" (Pointer)
    upload = "cuMemcpyHtoD_v2" (Pointer, *const c_void, usize)
    download = "cuMemcpyDtoH_v2" (*mut c_void, Pointer, usize)
    copy = "cuMemcpyDtoD_v2" (Pointer, Pointer, usize)
    launch = "cuLaunchKernel" (
        Function, c_uint, c_uint, c_uint, c_uint, c_uint, c_uint, c_uint, Stream, *mut *mut c_void, *mut *mut c_void
    )
}
