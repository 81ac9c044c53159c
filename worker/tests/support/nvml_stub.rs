//! A rig of GPUs that do not exist, behind a library that the test builds.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

/// A stand-in for NVIDIA's management library, and the file that tells it what goes wrong.
pub struct NvmlStub {
    folder: TempDir,
}

impl NvmlStub {
    /// `defines`: its variants, such as `MIG`.
    pub fn build(defines: &[&str]) -> Self {
        let stub = Self { folder: tempfile::tempdir().unwrap() };
        stub.say("");
        let built = Command::new("cc")
            .args(["-std=gnu11", "-O1", "-shared", "-fPIC", "-o"])
            .arg(stub.library())
            .arg(format!("-DCONTROL=\"{}\"", stub.control().display()))
            .args(defines.iter().map(|define| format!("-D{define}")))
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/stub/libnvidia_ml.c"))
            .output()
            .expect("a C compiler: ./dev setup");
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        stub
    }

    pub fn library(&self) -> PathBuf {
        self.folder.path().join("libnvidia-ml.so.1")
    }

    fn control(&self) -> PathBuf {
        self.folder.path().join("control")
    }

    /// What is wrong from now on, a line each, all at once.
    pub fn say(&self, lines: &str) {
        let draft = self.folder.path().join("draft");
        fs::write(&draft, lines).unwrap();
        fs::rename(draft, self.control()).unwrap();
    }
}

/// UUID of a whole GPU.
pub fn gpu(number: u8) -> String {
    format!("GPU-00000000-0000-0000-0000-00000000000{number}")
}

/// UUID of a slice, counted from 1.
pub fn slice(gpu: u8, slice: u8) -> String {
    format!("MIG-00000000-0000-0000-0000-0000000000{gpu}{slice}")
}
