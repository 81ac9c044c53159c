use std::path::Path;

use super::Docker;
use crate::container::Error;

/// Below these nothing can be mounted: they are the kernel's or the engine's, or bound read-only.
const CLOSED: [&str; 5] = ["/proc", "/sys", "/dev", "/inputs", "/run/secrets"];
/// Of these an engine makes an exception, or they are what would be bound.
const OPEN: [&str; 3] = ["/dev/shm", "/inputs", "/run/secrets"];

/// Folders that an image wants as volumes, also those that a plan may bind.
///
/// # Errors
/// [`Error::ImageInvalid`] where no engine could make one; [`Error::ImageMissing`], [`Error::Unreachable`].
pub(super) async fn of(docker: &Docker, image: &str) -> Result<Vec<String>, Error> {
    let found = docker.api.inspect_image(image).await.map_err(|error| match docker.error(error) {
        Error::NotFound => {
            let reason = "it was removed before the container was created".to_owned();
            Error::ImageMissing { image: image.to_owned(), reason }
        }
        error => error,
    })?;
    let wanted = found.config.and_then(|config| config.volumes).unwrap_or_default();
    let mut volumes = Vec::new();
    for volume in wanted {
        let invalid = || Error::ImageInvalid {
            image: image.to_owned(),
            reason: format!("it wants a volume at `{}`", volume.escape_default()),
        };
        volumes.push(place(&volume).ok_or_else(invalid)?);
    }
    Ok(volumes)
}

/// The folder that a volume's path means, as the kernel reads it; `None` where none can lie there.
fn place(volume: &str) -> Option<String> {
    if !volume.starts_with('/') || volume.contains(|letter: char| letter.is_control()) {
        return None;
    }
    let parts: Vec<&str> = volume.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    if parts.is_empty() || parts.contains(&"..") {
        return None;
    }
    let path = format!("/{}", parts.join("/"));
    let is_closed = CLOSED.iter().any(|folder| Path::new(&path).starts_with(folder)) && !OPEN.contains(&path.as_str());
    (!is_closed).then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_volume_is_a_folder_of_its_own() {
        for (volume, path) in [
            ("/scratch", "/scratch"),
            ("/tmp/", "/tmp"),
            ("//data/./x", "/data/x"),
            ("/outputs/.", "/outputs"),
            ("/inputs/", "/inputs"),
            ("/run/secrets", "/run/secrets"),
            ("/process", "/process"),
            ("/dev/shm", "/dev/shm"),
        ] {
            assert_eq!(place(volume).as_deref(), Some(path), "{volume}");
        }
    }

    #[test]
    fn none_lies_where_the_system_is_or_on_a_way_that_leads_back() {
        for volume in [
            "",
            "/",
            "//",
            "/.",
            "scratch",
            "./a",
            "/a/..",
            "/../a",
            "/proc",
            "/proc/self",
            "/sys/fs",
            "/dev",
            "/dev/x",
            "/inputs/x",
            "/run/secrets/x",
            "/a\nb",
        ] {
            assert_eq!(place(volume), None, "{volume}");
        }
    }
}
