//! The image's files that are read before its program runs: by Docker, as root of the rig and outside of every limit, and
//! then by runc. One that cannot be read to its end holds up the container's start, and Docker's lock on it with that: it
//! could never be removed again.

use bollard::query_parameters::{ContainerArchiveInfoOptionsBuilder, DownloadFromContainerOptionsBuilder};
use futures_util::StreamExt;

use super::{Docker, is_of_folders};
use crate::container::Error;

/// Who the image's users are, and their groups.
const FILES: [&str; 2] = ["/etc/passwd", "/etc/group"];
/// A system with ten thousand users has less. Docker keeps whatever it reads there of the container's user in memory.
const LARGEST_BYTES: i64 = 1_048_576;
/// Where a container has something else than its image; what stands there in the image says nothing.
const COVERED: [&str; 7] = ["/proc", "/sys", "/dev", "/run/secrets", "/inputs", "/outputs", "/checkpoint"];

/// Bits of a mode that say what kind of file it is, and the one that says link (Go's `io/fs.FileMode`).
const KIND: u32 = 0x8f28_0000;
const LINK: u32 = 0x0800_0000;

/// A file as its engine tells of it, without opening it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Found {
    mode: u32,
    bytes: i64,
    /// Where a link leads to, all links on the way followed, and never out of the image.
    target: String,
}

/// Looks at them in a container that was not started yet.
///
/// # Errors
/// [`Error::ImageInvalid`]; [`Error::Unreachable`], [`Error::Refused`].
pub(super) async fn check(docker: &Docker, container: &str, image: &str) -> Result<(), Error> {
    let invalid = |reason| Error::ImageInvalid { image: image.to_owned(), reason };
    for path in FILES {
        let looked = look(docker, container, path).await.map_err(|error| match error {
            Error::Refused { reason, .. } if is_of_folders(&reason) => invalid(reason),
            other => other,
        });
        let Some(mut found) = looked? else { continue };
        if found.mode & LINK != 0 {
            let target = std::mem::take(&mut found.target);
            if is_covered(&target) {
                return Err(invalid(format!("its {path} leads to {target}")));
            }
            let behind = look(docker, container, &target).await?;
            found = behind.ok_or_else(|| invalid(format!("its {path} leads to {target}, which is not there")))?;
        }
        judge(path, &found).map_err(invalid)?;
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

fn is_covered(path: &str) -> bool {
    COVERED.iter().any(|folder| path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
}

fn judge(path: &str, found: &Found) -> Result<(), String> {
    if found.mode & KIND != 0 {
        return Err(format!("its {path} is no file"));
    }
    if found.bytes > LARGEST_BYTES {
        return Err(format!("its {path} has {} bytes, and may have {LARGEST_BYTES}", found.bytes));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_file_of_some_size_is_read() {
        let judged = |mode, bytes| judge("/etc/group", &Found { mode, bytes, target: String::new() });
        assert_eq!(judged(0o644, LARGEST_BYTES), Ok(()));
        assert!(judged(0o644, LARGEST_BYTES + 1).unwrap_err().contains("1048577 bytes"));
        // A folder, a link, a device, a pipe, a socket, a device of characters, and something else still.
        for bit in [31, 27, 26, 25, 24, 21, 19] {
            assert!(judged(1 << bit | 0o644, 0).unwrap_err().contains("no file"), "bit {bit}");
        }
        assert_eq!(judged(1 << 23 | 0o755, 0), Ok(()), "what it would be run as does not matter");
    }

    #[test]
    fn what_a_container_has_of_its_own_is_not_the_images() {
        for path in ["/proc/kmsg", "/proc", "/dev/urandom", "/run/secrets/x"] {
            assert!(is_covered(path), "{path}");
        }
        for path in ["/etc/passwd", "/process/list", "/usr/lib/passwd", "/run/passwd"] {
            assert!(!is_covered(path), "{path}");
        }
    }
}
