//! Builds variants of the driver's stand-in.

use std::path::PathBuf;
use std::process::Command;

/// A library in a folder of its own.
pub struct Stub {
    folder: tempfile::TempDir,
}

impl Stub {
    /// `defines`: its variants, such as `DEVICES=2`.
    pub fn build(defines: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/stub/libcuda.c");
        let defines = defines.iter().map(|define| format!("-D{define}"));
        let built = Command::new("cc")
            .args(["-std=gnu11", "-O2", "-shared", "-fPIC", "-x", "c", "-o"])
            .arg(folder.path().join("libcuda.so.1"))
            .args(defines)
            .arg(source)
            .output()
            .expect("a C compiler: ./dev setup");
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        Self { folder }
    }

    pub fn path(&self) -> PathBuf {
        self.folder.path().join("libcuda.so.1")
    }

    /// Contexts, modules and pieces of memory that were not given back. The library must be loaded still.
    #[allow(unsafe_code, reason = "a shared library's function has the type we say")]
    pub fn held(&self) -> i32 {
        // SAFETY: the library is the stand-in, whose function takes nothing and returns an int.
        unsafe {
            let library = libloading::Library::new(self.path()).unwrap();
            let held: libloading::Symbol<unsafe extern "C" fn() -> i32> = library.get(b"stub_held\0").unwrap();
            held()
        }
    }
}
