use std::ffi::{CStr, c_char, c_int};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use sha2::{Digest as _, Sha256};

use crate::error::check;
use crate::symbols::Symbols;
use crate::{Error, Gpu};

/// What drivers install.
pub const LIBRARY: &str = "libcuda.so.1";

/// The CUDA driver of this machine.
pub struct Driver {
    symbols: Rc<Symbols>,
    path: PathBuf,
}

/// A GPU that the driver lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    pub(crate) device: c_int,
    /// As NVML writes it: `GPU-` and sixteen bytes in hexadecimal.
    pub uuid: String,
    pub name: String,
    pub vram_mib: u32,
}

impl Driver {
    /// Loads and starts the driver; [`LIBRARY`] unless told otherwise.
    ///
    /// # Errors
    /// [`Error::LibraryMissing`], [`Error::SymbolMissing`], [`Error::NoGpu`], [`Error::Failed`].
    #[allow(unsafe_code, reason = "a call of the driver")]
    pub fn load(path: &Path) -> Result<Self, Error> {
        let symbols = Symbols::load(path)?;
        // SAFETY: 0 is the only flag there is.
        check("cuInit", unsafe { (symbols.init)(0) })?;
        Ok(Self { symbols: Rc::new(symbols), path: path.to_owned() })
    }

    /// SHA-256 of the library's file, as it is mapped into this process.
    ///
    /// # Errors
    /// [`Error::LibraryUnreadable`].
    pub fn digest(&self) -> Result<[u8; 32], Error> {
        let unreadable = |source| Error::LibraryUnreadable { path: self.path.clone(), source };
        let maps = std::fs::read_to_string("/proc/self/maps").map_err(unreadable)?;
        let file = mapped(&maps, &self.path).ok_or_else(|| unreadable(std::io::ErrorKind::NotFound.into()))?;
        Ok(Sha256::digest(std::fs::read(file).map_err(unreadable)?).into())
    }

    /// Every GPU that the driver shows to this process.
    ///
    /// # Errors
    /// [`Error::Failed`].
    #[allow(unsafe_code, reason = "a call of the driver")]
    pub fn gpus(&self) -> Result<Vec<Found>, Error> {
        let mut count = 0;
        // SAFETY: `count` outlives the call.
        check("cuDeviceGetCount", unsafe { (self.symbols.device_count)(&raw mut count) })?;
        (0..count).map(|ordinal| self.found(ordinal)).collect()
    }

    #[allow(unsafe_code, reason = "calls of the driver")]
    fn found(&self, ordinal: c_int) -> Result<Found, Error> {
        let (mut device, mut uuid, mut name, mut bytes) = (0, [0u8; 16], [0u8; 128], 0);
        let room = name.len() as c_int - 1;
        // SAFETY: every place written to outlives its call, and `room` leaves the name its final zero.
        unsafe {
            check("cuDeviceGet", (self.symbols.device)(&raw mut device, ordinal))?;
            check("cuDeviceGetUuid_v2", (self.symbols.device_uuid)(&raw mut uuid, device))?;
            check("cuDeviceTotalMem_v2", (self.symbols.device_memory)(&raw mut bytes, device))?;
            check("cuDeviceGetName", (self.symbols.device_name)(name.as_mut_ptr().cast::<c_char>(), room, device))?;
        }
        let name = CStr::from_bytes_until_nul(&name).unwrap_or_default().to_string_lossy().into_owned();
        let vram_mib = u32::try_from(bytes / 1_048_576).unwrap_or(u32::MAX);
        Ok(Found { device, uuid: format!("GPU-{}", dashed(uuid)), name, vram_mib })
    }

    /// Opens the GPU with this UUID, or the MIG slice if the process sees only that one.
    ///
    /// # Errors
    /// [`Error::GpuUnknown`], [`Error::KernelsRefused`], [`Error::Failed`].
    pub fn open(&self, uuid: &str) -> Result<Gpu, Error> {
        // Of a slice the driver gives the bytes alone: NVML writes them behind `MIG-`.
        let bytes = |uuid: &str| uuid.split_once('-').map(|(_, bytes)| bytes.to_lowercase());
        let unknown = || Error::GpuUnknown { uuid: uuid.to_owned() };
        let found = self.gpus()?.into_iter().find(|gpu| bytes(&gpu.uuid) == bytes(uuid)).ok_or_else(unknown)?;
        Gpu::open(self.symbols.clone(), found.device)
    }
}

/// The file that the loader has found for a library. What it was asked for is a link to it, as a rule, whose
/// target has the driver's version behind its name.
fn mapped<'a>(maps: &'a str, library: &Path) -> Option<&'a str> {
    let name = library.file_name()?.to_str()?;
    let stem = name.split_once(".so").map_or(name, |(stem, _)| stem);
    let mut files = maps.lines().filter_map(|line| line.find('/').map(|at| &line[at..]));
    files.find(|file| file.rsplit('/').next().is_some_and(|file| file.starts_with(&format!("{stem}.so"))))
}

fn dashed(uuid: [u8; 16]) -> String {
    let mut text = String::new();
    for (index, byte) in uuid.iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text += &format!("{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_behind_the_librarys_name_is_found() {
        let maps = "7f00-7f01 r-xp 00000000 08:01 12 /usr/lib/libcudart.so.12\n7f02-7f03 rw-p 00000000 00:00 0\n\
                    7f04-7f05 r-xp 00000000 08:01 13 /usr/lib/libcuda.so.570.86.10\n";
        assert_eq!(mapped(maps, Path::new("libcuda.so.1")), Some("/usr/lib/libcuda.so.570.86.10"));
        assert_eq!(mapped(maps, Path::new("/opt/libcuda.so.1")), Some("/usr/lib/libcuda.so.570.86.10"));
        assert_eq!(mapped(maps, Path::new("libother.so.1")), None);
    }
}
