//! What an image asks of its containers in its config. Docker merges that into what the worker asks, and says of most
//! that is wrong there only that a container does not start, which could as well be the rig's fault.

use std::path::Path;

use bollard::models::ImageConfig;

use super::Docker;
use crate::container::Error;

/// Below these nothing can be mounted, or nothing may be: they are the kernel's or the engine's, or folders of the
/// worker's on the rig, in which the engine would make a volume's folder, as root.
const CLOSED: [&str; 7] = ["/proc", "/sys", "/dev", "/inputs", "/outputs", "/checkpoint", "/run/secrets"];
/// Of these an engine makes an exception, or they are what would be bound.
const OPEN: [&str; 5] = ["/dev/shm", "/inputs", "/outputs", "/checkpoint", "/run/secrets"];
/// How many volumes an image may have. Each is a mount of the engine's, which makes them with a lock held, of so many
/// that the kernel lets a machine have (`fs.mount-max`); images that people use have one or two.
const MOST_VOLUMES: usize = 64;

/// What an image asks for, as far as the worker answers it with something else.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(super) struct Wanted {
    /// Folders that it wants as volumes, also those that a plan may bind.
    pub volumes: Vec<String>,
    /// The names of its labels.
    pub labels: Vec<String>,
}

/// Somebody on the rig has taken it away since it was brought.
pub(super) fn removed(image: &str) -> Error {
    Error::Refused { status: 404, reason: format!("{image} was removed before the container was created") }
}

/// What the image with this id asks for, which errors name by its `name`.
///
/// # Errors
/// [`Error::ImageInvalid`] where no engine could give it; [`Error::Refused`], [`Error::Unreachable`].
pub(super) async fn of(docker: &Docker, id: &str, name: &str) -> Result<Wanted, Error> {
    let found = docker.api.inspect_image(id).await.map_err(|error| match docker.error(error) {
        Error::NotFound => removed(name),
        error => error,
    })?;
    wanted(found.config.unwrap_or_default()).map_err(|reason| Error::ImageInvalid { image: name.to_owned(), reason })
}

/// The same of its config, or what is wrong with that.
fn wanted(config: ImageConfig) -> Result<Wanted, String> {
    for line in config.env.iter().flatten() {
        let name = line.split('=').next().unwrap_or_default();
        if line.contains('\0') {
            return Err(format!("its variable `{}` holds a NUL byte: take that out of its ENV", name.escape_default()));
        }
        if line.starts_with('=') {
            return Err("one of its variables has no name: take that out of its ENV".to_owned());
        }
    }
    if config.entrypoint.iter().chain(&config.cmd).flatten().any(|word| word.contains('\0')) {
        return Err("its command holds a NUL byte: take that out of its ENTRYPOINT and CMD".to_owned());
    }
    let directory = config.working_dir.unwrap_or_default();
    if directory.contains('\0') || !(directory.is_empty() || directory.starts_with('/')) {
        let directory = directory.escape_default();
        return Err(format!("its working directory `{directory}` is no absolute path: give it another WORKDIR"));
    }
    let volumes = config.volumes.unwrap_or_default();
    if volumes.len() > MOST_VOLUMES {
        return Err(format!("it has {} volumes, and may have {MOST_VOLUMES}: take VOLUMEs out of it", volumes.len()));
    }
    let place = |volume: &String| {
        place(volume)
            .ok_or_else(|| format!("it wants a volume at `{}`: give it another VOLUME", volume.escape_default()))
    };
    Ok(Wanted {
        volumes: volumes.iter().map(place).collect::<Result<_, _>>()?,
        labels: config.labels.unwrap_or_default().into_keys().collect(),
    })
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
            ("/checkpoint", "/checkpoint"),
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
            "/outputs/x",
            "/checkpoint/x/y",
            "/run/secrets/x",
            "/a\nb",
        ] {
            assert_eq!(place(volume), None, "{volume}");
        }
    }

    fn many(volumes: usize) -> ImageConfig {
        let volumes = (0..volumes).map(|number| format!("/{number}")).collect();
        ImageConfig { volumes: Some(volumes), ..ImageConfig::default() }
    }

    #[test]
    fn an_image_has_as_many_volumes_as_an_engine_makes_in_no_time() {
        assert_eq!(wanted(many(MOST_VOLUMES)).unwrap().volumes.len(), MOST_VOLUMES);
        let reason = wanted(many(MOST_VOLUMES + 1)).unwrap_err();
        assert!(reason.contains("65 volumes, and may have 64"), "{reason}");
    }

    #[test]
    fn what_no_runtime_takes_is_found_in_the_config_and_named() {
        let words = |words: &[&str]| Some(words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>());
        let none = ImageConfig::default;
        let directory = |path: &str| ImageConfig { working_dir: Some(path.to_owned()), ..none() };
        for (config, expected) in [
            (ImageConfig { env: words(&["PATH=/bin", "A=\0b"]), ..none() }, "variable `A` holds a NUL"),
            (ImageConfig { env: words(&["A\0=b"]), ..none() }, "variable `A\\u{0}` holds a NUL"),
            (ImageConfig { env: words(&["=b"]), ..none() }, "has no name"),
            (ImageConfig { entrypoint: words(&["/bin/s\0h"]), ..none() }, "ENTRYPOINT"),
            (ImageConfig { cmd: words(&["sh", "\0"]), ..none() }, "CMD"),
            (directory("/a\0b"), "`/a\\u{0}b` is no absolute path"),
            (directory("a"), "`a` is no absolute path"),
        ] {
            let reason = wanted(config.clone()).unwrap_err();
            assert!(reason.contains(expected), "{config:?}: {reason}");
        }
        let whole = ImageConfig { env: words(&["A=b=c", "B=", "C"]), cmd: words(&["sh", ""]), ..directory("/a b") };
        assert_eq!(wanted(whole), Ok(Wanted::default()));
        assert_eq!(wanted(directory("")), Ok(Wanted::default()));
    }
}
