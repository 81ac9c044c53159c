use std::collections::HashMap;

use axum::http::uri::PathAndQuery;
use axum::http::{HeaderValue, Method, Request, Uri};
use bollard::auth::DockerCredentials;
use bollard::errors::Error as ApiError;
use bollard::query_parameters::{CreateImageOptionsBuilder, ListImagesOptionsBuilder, RemoveImageOptionsBuilder};
use bollard::{BollardRequest, body_stream};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use millrace_seal::RegistryLogin;
use serde_json::json;

use super::{Docker, PullPolicy};
use crate::container::{Error, LocalImage, Progress};

/// Of the engine's interface.
const LOGIN: &str = "x-registry-auth";
const CHECK_LOGIN: &str = "/auth";

pub(super) async fn local(docker: &Docker, image: &str) -> Result<Option<LocalImage>, Error> {
    match docker.api.inspect_image(image).await.map_err(|error| docker.error(error)) {
        Ok(found) => {
            let bytes = found.size.and_then(|size| u64::try_from(size).ok()).unwrap_or(0);
            let is_named = found.repo_tags.is_some_and(|tags| !tags.is_empty());
            // One image may have come from several repositories, under a digest of each.
            let digest = found.repo_digests.unwrap_or_default().into_iter().find(|named| is_of(named, image));
            let digest = digest.and_then(|name| name.split_once('@').map(|(_, digest)| digest.to_owned()));
            Ok(found.id.map(|id| LocalImage { digest: digest.unwrap_or_else(|| id.clone()), id, bytes, is_named }))
        }
        Err(Error::NotFound) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Never by force: that would take the image from under a container that does not run now.
pub(super) async fn remove(docker: &Docker, image: &str) -> Result<bool, Error> {
    let options = RemoveImageOptionsBuilder::default().force(false).build();
    match docker.api.remove_image(image, Some(options), None).await.map_err(|error| docker.error(error)) {
        Ok(_) | Err(Error::NotFound) => Ok(true),
        Err(Error::Refused { status: 409, .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

/// By the digests under which the image's own repository has given it out; one that was only built here has none.
pub(super) async fn is_offered(docker: &Docker, image: &str, login: Option<&RegistryLogin>) -> Result<bool, Error> {
    let digests = match docker.api.inspect_image(image).await.map_err(|error| docker.error(error)) {
        Ok(found) => found.repo_digests.unwrap_or_default(),
        Err(Error::NotFound) => return Ok(false),
        Err(error) => return Err(error),
    };
    for named in digests.iter().filter(|named| is_of(named, image)) {
        match docker.api.inspect_registry_image(named, login.map(credentials)).await {
            Ok(_) => return Ok(true),
            Err(ApiError::DockerResponseServerError { status_code: 401 | 403 | 404, .. }) => {}
            Err(ApiError::DockerResponseServerError { message, .. }) => {
                return Err(Error::PullFailed { image: image.to_owned(), reason: message });
            }
            Err(error) => return Err(docker.error(error)),
        }
    }
    Ok(false)
}

/// Whether `repository@digest` is of the repository that the image's name means.
fn is_of(named: &str, image: &str) -> bool {
    let familiar = |name: &str| {
        let name = name.strip_prefix("index.docker.io/").or(name.strip_prefix("docker.io/")).unwrap_or(name);
        name.strip_prefix("library/").unwrap_or(name).to_owned()
    };
    named.split_once('@').is_some_and(|(repository, _)| familiar(repository) == familiar(reference(image).0))
}

pub(super) async fn list(docker: &Docker) -> Result<Vec<String>, Error> {
    let options = ListImagesOptionsBuilder::default().build();
    let images = docker.api.list_images(Some(options)).await.map_err(|error| docker.error(error))?;
    let mut names: Vec<String> = images.into_iter().flat_map(|image| image.repo_tags).collect();
    names.retain(|name| !name.contains("<none>"));
    names.sort();
    Ok(names)
}

/// Pulls what is not there.
pub(super) async fn pull(
    docker: &Docker,
    image: &str,
    login: Option<&RegistryLogin>,
    progress: &(dyn Fn(Progress) + Send + Sync),
) -> Result<LocalImage, Error> {
    let missing = |reason: String| Error::ImageMissing { image: image.to_owned(), reason };
    if docker.pull == PullPolicy::Never {
        return Err(missing("it is not on the rig, which pulls nothing from registries".to_owned()));
    }
    let (name, tag) = reference(image);
    let options = CreateImageOptionsBuilder::default().from_image(name).tag(tag).build();
    let mut layers = Layers::default();
    let mut stream = docker.api.create_image(Some(options), None, login.map(credentials));
    while let Some(step) = stream.next().await {
        let step = match (step, login) {
            // The engine has one status for a registry that says no, one that failed, and one that it does not reach.
            (Err(ApiError::DockerResponseServerError { status_code, message }), Some(login))
                if is_refusal(status_code) || (status_code >= 500 && refuses(docker, image, login).await) =>
            {
                return Err(Error::LoginRefused { image: image.to_owned(), reason: message });
            }
            (step, _) => step,
        };
        let step = step.map_err(|error| match error {
            // What a registry says to a name it does not know, or does not show without a password.
            ApiError::DockerResponseServerError { status_code: 401 | 403 | 404, message } => missing(message),
            ApiError::DockerResponseServerError { message, .. } => {
                Error::PullFailed { image: image.to_owned(), reason: message }
            }
            ApiError::DockerStreamError { error } => Error::PullFailed { image: image.to_owned(), reason: error },
            other => docker.error(other),
        })?;
        let detail = step.progress_detail.unwrap_or_default();
        if let (Some(layer), Some(current), Some(total)) = (step.id, detail.current, detail.total) {
            progress(layers.note(layer, current, total));
        }
    }
    local(docker, image).await?.ok_or_else(|| missing("the registry sent nothing under this name".to_owned()))
}

fn is_refusal(status: u16) -> bool {
    matches!(status, 401 | 403)
}

/// Whether the registry says no to the login when it is asked once more, about the image and about the login alone: of
/// the first the engine tells what the registry refuses itself, of the second what is refused where it sends those who
/// want a token.
async fn refuses(docker: &Docker, image: &str, login: &RegistryLogin) -> bool {
    match docker.api.inspect_registry_image(image, Some(credentials(login))).await {
        Err(ApiError::DockerResponseServerError { status_code, .. }) if is_refusal(status_code) => return true,
        // 404 is also the answer of an engine that cannot be asked about an image.
        Err(ApiError::DockerResponseServerError { status_code, .. }) if status_code == 404 || status_code >= 500 => {}
        _ => return false,
    }
    let checking = docker.api.clone().with_request_modifier(check_of(login));
    let checked = checking.ping().await;
    matches!(checked, Err(ApiError::DockerResponseServerError { status_code, .. }) if is_refusal(status_code))
}

/// Makes a request for nothing one that has the engine check a login: the client library has none for that.
fn check_of(login: &RegistryLogin) -> impl Fn(BollardRequest) -> BollardRequest + Send + Sync + 'static {
    let RegistryLogin { host, username, password } = login;
    let check = json!({ "username": username, "password": password, "serveraddress": host });
    let check = Bytes::from(check.to_string());
    move |request| {
        let (mut parts, body) = request.into_parts();
        let mut place = parts.uri.clone().into_parts();
        place.path_and_query = Some(PathAndQuery::from_static(CHECK_LOGIN));
        let Ok(uri) = Uri::from_parts(place) else { return Request::from_parts(parts, body) };
        (parts.method, parts.uri) = (Method::POST, uri);
        let check = check.clone();
        // As a stream: of any other body the client library tells in its log what is in it.
        Request::from_parts(parts, body_stream(stream::once(async { check })))
    }
}

/// The header with a login as engines read it: base64 with the letters fit for addresses (RFC 4648, 5), where the
/// client library writes the others, so that some passwords would be lost on the way.
pub(super) fn spell_login<T>(mut request: Request<T>) -> Request<T> {
    let login = request.headers().get(LOGIN).and_then(|value| value.to_str().ok());
    let spelt = login.and_then(|login| HeaderValue::from_str(&login.replace('+', "-").replace('/', "_")).ok());
    if let Some(mut spelt) = spelt {
        spelt.set_sensitive(true);
        request.headers_mut().insert(LOGIN, spelt);
    }
    request
}

/// Sent with one request: the engine forwards it to the registry and forgets it.
fn credentials(login: &RegistryLogin) -> DockerCredentials {
    DockerCredentials {
        username: Some(login.username.clone()),
        password: Some(login.password.clone()),
        serveraddress: Some(login.host.clone()),
        ..DockerCredentials::default()
    }
}

/// Name, and tag or digest. A registry's port is no tag.
fn reference(image: &str) -> (&str, &str) {
    if let Some((name, digest)) = image.split_once('@') {
        return (name, digest);
    }
    let path = image.rfind('/').map_or(0, |slash| slash + 1);
    match image[path..].rfind(':') {
        Some(colon) => (&image[..path + colon], &image[path + colon + 1..]),
        None => (image, "latest"),
    }
}

/// Layers come in parallel, each with its own count.
#[derive(Default)]
struct Layers(HashMap<String, Progress>);

impl Layers {
    fn note(&mut self, layer: String, current: i64, total: i64) -> Progress {
        let seen = self.0.entry(layer).or_default();
        // Unpacking counts the same bytes again.
        seen.done = seen.done.max(u64::try_from(current).unwrap_or(0));
        seen.total = seen.total.max(u64::try_from(total).unwrap_or(0));
        self.0.values().fold(Progress::default(), |sum, layer| Progress {
            done: sum.done.saturating_add(layer.done),
            total: sum.total.saturating_add(layer.total),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_split_at_the_tag_and_not_at_the_port() {
        for (image, expected) in [
            ("alpine", ("alpine", "latest")),
            ("alpine:3", ("alpine", "3")),
            ("localhost:5000/a/b", ("localhost:5000/a/b", "latest")),
            ("localhost:5000/a/b:7", ("localhost:5000/a/b", "7")),
            ("a/b@sha256:00", ("a/b", "sha256:00")),
        ] {
            assert_eq!(reference(image), expected);
        }
    }

    #[test]
    fn an_image_is_known_by_the_digests_of_its_own_repository() {
        for (named, image) in [
            ("alpine@sha256:00", "alpine:3"),
            ("alpine@sha256:00", "docker.io/library/alpine"),
            ("localhost:5000/a@sha256:00", "localhost:5000/a:7"),
            ("a/b@sha256:00", "a/b@sha256:00"),
        ] {
            assert!(is_of(named, image), "{named} {image}");
        }
        for (named, image) in [("b/alpine@sha256:00", "alpine"), ("localhost:5000/a@sha256:00", "a"), ("a", "a")] {
            assert!(!is_of(named, image), "{named} {image}");
        }
    }

    #[test]
    fn progress_sums_layers_and_never_falls() {
        let mut layers = Layers::default();
        layers.note("a".into(), 10, 100);
        assert_eq!(layers.note("b".into(), 5, 50), Progress { done: 15, total: 150 });
        assert_eq!(layers.note("a".into(), 1, 100), Progress { done: 15, total: 150 });
    }
}
