//! What of an image is read or made before its program runs: by Docker, as root of the rig and outside of every limit,
//! by runc, and where it gets a GPU by NVIDIA's hook.
//!
//! A file that cannot be read to its end holds up the container's start, and Docker's lock on it with that: it could
//! never be removed again. A folder that is missing is made by runc, as root: in what the worker binds it would be on
//! the rig, where a worker that is not root cannot remove it; in what is the kernel's, or read-only, none can be made.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use bollard::models::{ContainerCreateBody, HostConfig, Mount, MountType, MountVolumeOptions};
use bollard::query_parameters::{
    ContainerArchiveInfoOptionsBuilder, CreateContainerOptionsBuilder, DownloadFromContainerOptionsBuilder,
    InspectContainerOptions,
};
use futures_util::StreamExt;

use super::{Docker, create, is_of_folders, volumes};
use crate::container::{Error, label};

/// Who the image's users are, and their groups; and how ldconfig(8) finds libraries.
const FILES: [(&str, i64); 4] = [
    ("/etc/passwd", LARGEST_BYTES),
    ("/etc/group", LARGEST_BYTES),
    ("/etc/ld.so.conf", i64::MAX),
    ("/var/cache/ldconfig/aux-cache", i64::MAX),
];
/// A system with ten thousand users has less. Docker keeps whatever it reads there of the container's user in memory.
const LARGEST_BYTES: i64 = 1_048_576;
/// Where a container has something else than its image; what stands there in the image says nothing.
const COVERED: [&str; 3] = ["/proc", "/sys", "/dev"];
/// The same, wherever they lead.
const BOUND: [&str; 4] = ["/inputs", "/outputs", "/checkpoint", "/run/secrets"];
/// The one place in those where folders may be made: it is the container's own memory.
const SHARED_MEMORY: &str = "/dev/shm";
/// How many places of an image are looked at: each is a question to the engine of some milliseconds.
const MOST_LOOKS: usize = 500;

/// What ends the names of containers in which images are looked at.
const BARE: &str = "-look";

/// Bits of a mode that say what kind of file it is, and the one that says link (Go's `io/fs.FileMode`).
const KIND: u32 = 0x8f28_0000;
const LINK: u32 = 0x0800_0000;

/// A file as its engine tells of it, without opening it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Found {
    mode: u32,
    bytes: i64,
    /// Where a link leads to, all links on the way followed, and never out of the image; empty for what is none.
    target: String,
}

/// Looks at the image of a container that was not started yet, at each image once.
///
/// # Errors
/// [`Error::ImageInvalid`]; [`Error::NotFound`], [`Error::Unreachable`], [`Error::Refused`].
pub(super) async fn check(docker: &Docker, container: &str) -> Result<(), Error> {
    let made = docker.api.inspect_container(container, None::<InspectContainerOptions>).await;
    let made = made.map_err(|error| docker.error(error))?;
    let id = made.image.ok_or(Error::NotFound)?;
    if docker.sound.lock().await.contains(&id) {
        return Ok(());
    }
    let config = made.config.unwrap_or_default();
    let labels = config.labels.unwrap_or_default();
    let image = labels.get(label::IMAGE).unwrap_or(&id).clone();
    let volumes = volumes::of(docker, &id, &image).await?.volumes;
    let bare = bare(&id, labels, &volumes);
    let name = bare_name(container);
    docker.remove_container(&name).await?;
    let options = CreateContainerOptionsBuilder::default().name(&name).build();
    docker.api.create_container(Some(options), bare).await.map_err(|error| docker.error(error))?;
    let mut image = Image::new(docker, &name, image);
    // No job names a working directory: the container's is its image's.
    let judged = image.judge(&volumes, &config.working_dir.unwrap_or_default()).await;
    if let Err(error) = docker.remove_container(&name).await {
        // It goes with the container that it was made for.
        tracing::warn!(container = name, %error, "what an image was looked at in is not removed yet");
    }
    judged?;
    docker.sound.lock().await.insert(id);
    Ok(())
}

/// Of what an image is looked at in for this container.
pub(super) fn bare_name(container: &str) -> String {
    format!("{container}{BARE}")
}

pub(super) fn is_bare(name: &str) -> bool {
    name.ends_with(BARE)
}

/// A container of the image alone, as Docker and its hooks see it, that is never started: in the real one the engine
/// would look at what is bound over the image. Where something lies over it in every container, this one has nothing,
/// so that no link of the image's leads out of there again. Nothing is read from it: for an archive, also one of a link
/// alone, Docker reads the image's users.
fn bare(image: &str, labels: HashMap<String, String>, volumes: &[String]) -> ContainerCreateBody {
    let empty = |target: &&str| Mount {
        typ: Some(MountType::VOLUME),
        target: Some((*target).to_owned()),
        volume_options: Some(MountVolumeOptions { no_copy: Some(true), ..MountVolumeOptions::default() }),
        ..Mount::default()
    };
    let mounts: Vec<Mount> = COVERED.iter().chain(&BOUND).map(empty).collect();
    ContainerCreateBody {
        image: Some(image.to_owned()),
        cmd: Some(vec!["none".to_owned()]),
        labels: Some(labels),
        host_config: Some(HostConfig {
            network_mode: Some("none".to_owned()),
            tmpfs: Some(create::scratch(volumes, &mounts)),
            mounts: Some(mounts),
            ..HostConfig::default()
        }),
        ..ContainerCreateBody::default()
    }
}

/// An image as it is in a container that was not started.
struct Image<'a> {
    docker: &'a Docker,
    container: &'a str,
    /// What the job calls it.
    name: String,
    seen: HashMap<PathBuf, Option<Found>>,
}

/// Where a path leads.
struct Way {
    to: PathBuf,
    /// Whether a link on the way leads to what a container does not have, and runc does not make behind a link.
    is_broken: bool,
}

impl<'a> Image<'a> {
    fn new(docker: &'a Docker, container: &'a str, name: String) -> Self {
        Self { docker, container, name, seen: HashMap::new() }
    }

    fn invalid(&self, reason: String) -> Error {
        Error::ImageInvalid { image: self.name.clone(), reason }
    }

    async fn judge(&mut self, volumes: &[String], working_dir: &str) -> Result<(), Error> {
        let covered = self.covered().await?;
        let memory = self.memory(volumes, &covered).await?;
        self.judge_working_dir(working_dir, &covered, &memory).await?;
        for (path, largest) in FILES {
            self.judge_file(path, largest, &covered).await?;
        }
        Ok(())
    }

    /// Folders in which a container has something else than its image.
    async fn covered(&mut self) -> Result<Vec<PathBuf>, Error> {
        let mut bound: Vec<PathBuf> = Vec::new();
        for folder in BOUND {
            let others: Vec<PathBuf> =
                COVERED.iter().chain(&BOUND).filter(|other| **other != folder).map(PathBuf::from).collect();
            let to = self.lead(folder, &others).await?.to;
            let mut taken = others.iter().chain(&bound);
            if taken.any(|other| to.starts_with(other) || other.starts_with(&to)) {
                return Err(self.invalid(format!("its {folder} leads to {}: let it be a folder", to.display())));
            }
            bound.push(to);
        }
        Ok(COVERED.iter().chain(&BOUND).map(PathBuf::from).chain(bound).collect())
    }

    /// Folders in which it has memory: its volumes, and `/tmp`.
    async fn memory(&mut self, volumes: &[String], covered: &[PathBuf]) -> Result<Vec<PathBuf>, Error> {
        let mut memory = Vec::new();
        for folder in create::scratch(volumes, &[]).into_keys().filter(|folder| !BOUND.contains(&folder.as_str())) {
            let to = self.lead(&folder, covered).await?.to;
            if to.parent().is_none() || (is_in(covered, &to) && to != Path::new(SHARED_MEMORY)) {
                let told = format!("its {folder} leads to {}: let it be a folder, or no VOLUME", to.display());
                return Err(self.invalid(told));
            }
            memory.extend([PathBuf::from(folder), to]);
        }
        Ok(memory)
    }

    async fn judge_working_dir(&mut self, path: &str, covered: &[PathBuf], memory: &[PathBuf]) -> Result<(), Error> {
        let all = [covered, memory].concat();
        let Way { to, is_broken } = self.lead(path, &all).await?;
        let is_below = |folder: &PathBuf| to != *folder && to.starts_with(folder);
        if to.starts_with(SHARED_MEMORY) && !is_broken {
            return Ok(());
        }
        if covered.iter().any(is_below) || is_broken {
            let told = format!("its working directory {path} leads to {}, where it can have none", to.display());
            return Err(self.invalid(format!("{told}: give it another WORKDIR")));
        }
        Ok(())
    }

    async fn judge_file(&mut self, path: &str, largest: i64, covered: &[PathBuf]) -> Result<(), Error> {
        if is_in(covered, Path::new(path)) {
            return Err(self.invalid(format!("it has a folder of the job's lie over {path}")));
        }
        let to = self.lead(path, covered).await?.to;
        if is_in(covered, &to) {
            return Err(self.invalid(format!("its {path} leads to {}", to.display())));
        }
        let Some(found) = self.look(&to).await? else { return Ok(()) };
        is_short_file(path, &found, largest).map_err(|reason| self.invalid(reason))
    }

    /// Where a path leads, past the image's links.
    async fn lead(&mut self, path: &str, covered: &[PathBuf]) -> Result<Way, Error> {
        let mut way = Way { to: PathBuf::from("/"), is_broken: false };
        for part in path.split('/').filter(|part| !matches!(*part, "" | ".")) {
            if part == ".." {
                way.to.pop();
                continue;
            }
            way.to.push(part);
            if is_in(covered, &way.to) {
                continue;
            }
            let Some(found) = self.look(&way.to).await?.filter(|found| found.mode & LINK != 0) else { continue };
            way.to = PathBuf::from(found.target);
            way.is_broken |= covered.iter().any(|folder| way.to != *folder && way.to.starts_with(folder));
        }
        Ok(way)
    }

    async fn look(&mut self, path: &Path) -> Result<Option<Found>, Error> {
        if let Some(found) = self.seen.get(path) {
            return Ok(found.clone());
        }
        if self.seen.len() == MOST_LOOKS {
            return Err(self.invalid("its volumes and its working directory lie too deep in folders".to_owned()));
        }
        let found = look(self.docker, self.container, &path.to_string_lossy()).await.map_err(|error| match error {
            Error::Refused { reason, .. } if is_of_folders(&reason) => self.invalid(reason),
            other => other,
        })?;
        self.seen.insert(path.to_owned(), found.clone());
        Ok(found)
    }
}

async fn look(docker: &Docker, container: &str, path: &str) -> Result<Option<Found>, Error> {
    let options = ContainerArchiveInfoOptionsBuilder::default().path(path).build();
    match docker.api.get_container_archive_info(container, Some(options)).await.map_err(|error| docker.error(error)) {
        Ok(found) => Ok(Some(Found { mode: found.file_mode, bytes: found.size, target: found.link_target })),
        Err(Error::NotFound) => Ok(None),
        // An answer to this question has no words.
        Err(Error::Refused { .. }) => Err(why(docker, container, path).await),
        Err(error) => Err(error),
    }
}

/// Why it cannot be looked at. Nor can an archive be made of it, so nothing of the image is read.
async fn why(docker: &Docker, container: &str, path: &str) -> Error {
    let options = DownloadFromContainerOptionsBuilder::default().path(path).build();
    let mut told = docker.api.download_from_container(container, Some(options));
    match told.next().await {
        Some(Err(error)) => docker.error(error),
        _ => Error::Refused { status: 500, reason: format!("{path} cannot be looked at") },
    }
}

fn is_in(folders: &[PathBuf], path: &Path) -> bool {
    folders.iter().any(|folder| path.starts_with(folder))
}

fn is_short_file(path: &str, found: &Found, largest: i64) -> Result<(), String> {
    if found.mode & KIND != 0 {
        return Err(format!("its {path} is no file"));
    }
    if found.bytes > largest {
        return Err(format!("its {path} has {} bytes, and may have {largest}", found.bytes));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_file_of_some_size_is_read() {
        let judged = |mode, bytes| {
            let found = Found { mode, bytes, target: String::new() };
            is_short_file("/etc/group", &found, LARGEST_BYTES)
        };
        assert_eq!(judged(0o644, LARGEST_BYTES), Ok(()));
        assert!(judged(0o644, LARGEST_BYTES + 1).unwrap_err().contains("1048577 bytes"));
        // A folder, a link, a device, a pipe, a socket, a device of characters, and something else still.
        for bit in [31, 27, 26, 25, 24, 21, 19] {
            assert!(judged(1 << bit | 0o644, 0).unwrap_err().contains("no file"), "bit {bit}");
        }
        assert_eq!(judged(1 << 23 | 0o755, 0), Ok(()), "what it would be run as does not matter");
    }

    #[test]
    fn what_lies_over_a_folder_lies_over_all_in_it() {
        let covered = ["/proc", "/run/secrets"].map(PathBuf::from);
        for path in ["/proc/kmsg", "/proc", "/run/secrets/x"] {
            assert!(is_in(&covered, Path::new(path)), "{path}");
        }
        for path in ["/etc/passwd", "/process/list", "/run/passwd"] {
            assert!(!is_in(&covered, Path::new(path)), "{path}");
        }
        assert!(is_in(&["/".into()], Path::new("/etc/passwd")));
    }
}
