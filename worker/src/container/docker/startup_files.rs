//! The image's files that are read before its program runs: by Docker, as root of the rig and outside of every limit, by
//! runc, and where it gets a GPU by NVIDIA's hook. One that cannot be read to its end holds up the container's start, and
//! Docker's lock on it with that: it could never be removed again.

use std::collections::HashMap;
use std::path::Path;

use bollard::models::{ContainerCreateBody, HostConfig};
use bollard::query_parameters::{
    ContainerArchiveInfoOptionsBuilder, CreateContainerOptionsBuilder, DownloadFromContainerOptionsBuilder,
    InspectContainerOptions,
};
use futures_util::StreamExt;

use super::{Docker, create, is_of_folders, volumes};
use crate::container::Error;

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

/// Looks at those of a container that was not started yet. An image is looked at once.
///
/// # Errors
/// [`Error::ImageInvalid`]; [`Error::NotFound`], [`Error::Unreachable`], [`Error::Refused`].
pub(super) async fn check(docker: &Docker, container: &str) -> Result<(), Error> {
    let made = docker.api.inspect_container(container, None::<InspectContainerOptions>).await;
    let made = made.map_err(|error| docker.error(error))?;
    // The name may mean another image by now.
    let id = made.image.ok_or(Error::NotFound)?;
    if docker.sound.lock().await.contains(&id) {
        return Ok(());
    }
    let config = made.config.unwrap_or_default();
    let bare = bare(&id, config.labels.unwrap_or_default(), &volumes::of(docker, &id).await?);
    let name = bare_name(container);
    docker.remove_container(&name).await?;
    let options = CreateContainerOptionsBuilder::default().name(&name).build();
    docker.api.create_container(Some(options), bare).await.map_err(|error| docker.error(error))?;
    let judged = judge(docker, &name, &config.image.unwrap_or_else(|| id.clone())).await;
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

/// A container of the image and nothing else, as Docker and its hooks see it, that is never started: in the real one the
/// engine would look at what is bound over the image.
fn bare(image: &str, labels: HashMap<String, String>, volumes: &[String]) -> ContainerCreateBody {
    ContainerCreateBody {
        image: Some(image.to_owned()),
        cmd: Some(vec!["none".to_owned()]),
        labels: Some(labels),
        host_config: Some(HostConfig {
            network_mode: Some("none".to_owned()),
            tmpfs: Some(create::scratch(volumes, &[])),
            ..HostConfig::default()
        }),
        ..ContainerCreateBody::default()
    }
}

async fn judge(docker: &Docker, container: &str, image: &str) -> Result<(), Error> {
    let invalid = |reason| Error::ImageInvalid { image: image.to_owned(), reason };
    let look = async |path: &str| {
        look(docker, container, path).await.map_err(|error| match error {
            Error::Refused { reason, .. } if is_of_folders(&reason) => invalid(reason),
            other => other,
        })
    };
    let mut covered: Vec<String> = COVERED.iter().chain(&BOUND).map(|folder| (*folder).to_owned()).collect();
    for folder in BOUND {
        covered.extend(look(folder).await?.map(|found| found.target).filter(|target| !target.is_empty()));
    }
    for (path, largest) in FILES {
        if is_in(&covered, path) {
            return Err(invalid(format!("it has a folder of the job's lie over {path}")));
        }
        for folder in Path::new(path).ancestors().skip(1).filter_map(Path::to_str).filter(|folder| *folder != "/") {
            let target = look(folder).await?.map(|found| found.target).unwrap_or_default();
            if is_in(&covered, &target) {
                return Err(invalid(format!("its {folder} leads to {target}")));
            }
        }
        let Some(mut found) = look(path).await? else { continue };
        if found.mode & LINK != 0 {
            let target = found.target;
            if is_in(&covered, &target) {
                return Err(invalid(format!("its {path} leads to {target}")));
            }
            let Some(behind) = look(&target).await? else { continue };
            found = behind;
        }
        is_short_file(path, &found, largest).map_err(invalid)?;
    }
    Ok(())
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

/// Why it cannot be looked at.
async fn why(docker: &Docker, container: &str, path: &str) -> Error {
    let options = DownloadFromContainerOptionsBuilder::default().path(path).build();
    let mut told = docker.api.download_from_container(container, Some(options));
    match told.next().await {
        Some(Err(error)) => docker.error(error),
        _ => Error::Refused { status: 500, reason: format!("{path} cannot be looked at") },
    }
}

fn is_in(folders: &[String], path: &str) -> bool {
    folders.iter().any(|folder| Path::new(path).starts_with(folder))
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
        let covered = ["/proc".to_owned(), "/run/secrets".to_owned()];
        for path in ["/proc/kmsg", "/proc", "/run/secrets/x"] {
            assert!(is_in(&covered, path), "{path}");
        }
        for path in ["/etc/passwd", "/process/list", "/run/passwd"] {
            assert!(!is_in(&covered, path), "{path}");
        }
        assert!(is_in(&["/".to_owned()], "/etc/passwd"));
    }
}
