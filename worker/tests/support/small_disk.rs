use std::path::{Path, PathBuf};
use std::process::Command;

/// A disk of a size of its own.
pub struct SmallDisk(PathBuf);

impl SmallDisk {
    /// Of 24 MiB; `None` where this user may not mount one.
    pub fn mount(at: &Path) -> Option<Self> {
        Self::of(at, "24m")
    }

    /// Of a size as tmpfs(5) has it; more than the machine has costs nothing.
    pub fn of(at: &Path, size: &str) -> Option<Self> {
        Self::mounted(at, &["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"])
    }

    /// Of no size, and of a kind that reserves nothing for a file.
    pub fn without_reserves(at: &Path) -> Option<Self> {
        Self::mounted(at, &["-t", "ramfs", "ramfs"])
    }

    /// Where it is by now: a folder above it was moved.
    pub fn unmount_from(mut self, at: &Path) {
        self.0 = at.to_owned();
    }

    fn mounted(at: &Path, what: &[&str]) -> Option<Self> {
        let mount = Command::new("mount").args(what).arg(at).status();
        mount.is_ok_and(|status| status.success()).then(|| Self(at.to_owned()))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: a container of a test that failed may still hold it.
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}
