use std::path::{Path, PathBuf};
use std::process::Command;

/// A disk of 24 MiB.
pub struct SmallDisk(PathBuf);

impl SmallDisk {
    /// `None` where this user may not mount one.
    pub fn mount(at: &Path) -> Option<Self> {
        let mount = Command::new("mount").args(["-t", "tmpfs", "-o", "size=24m", "tmpfs"]).arg(at).status();
        mount.is_ok_and(|status| status.success()).then(|| Self(at.to_owned()))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: a container of a test that failed may still hold it.
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}
