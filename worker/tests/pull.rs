//! Pulling, from a registry that the test starts.

use std::sync::Mutex;

use axum::Router;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use bollard::query_parameters::{CreateContainerOptions, RemoveContainerOptions, TagImageOptionsBuilder};
use millrace_seal::RegistryLogin;
use millrace_worker::PullPolicy;
use millrace_worker::container::docker::Docker;
use millrace_worker::container::{Engine, Error, LocalImage, Progress};

use crate::support::docker_is_here;
use crate::support::registry::{LAYER_BYTES, Registry};

async fn engine(pull: PullPolicy) -> Docker {
    Docker::connect(None, pull).await.expect("Docker is installed but does not answer")
}

async fn discard(image: &str) {
    let docker = bollard::Docker::connect_with_defaults().unwrap().negotiate_version().await.unwrap();
    docker.remove_image(image, None::<bollard::query_parameters::RemoveImageOptions>, None).await.unwrap();
}

#[tokio::test]
async fn an_image_is_pulled_with_progress_and_its_digest_recorded() {
    if !docker_is_here() {
        return;
    }
    let registry = Registry::start().await;
    let engine = engine(PullPolicy::IfMissing).await;
    let image = format!("{}/probe:1", registry.host);
    assert_eq!(engine.local_image(&image).await.unwrap(), None);
    let seen = Mutex::new(Vec::new());
    let digest = engine.pull(&image, None, &|progress| seen.lock().unwrap().push(progress)).await.unwrap().digest;
    assert_eq!(digest, registry.digest);
    assert_eq!(engine.local_image(&image).await.unwrap().unwrap().digest, registry.digest);
    assert!(engine.images().await.unwrap().contains(&image));
    let seen: Vec<Progress> = seen.into_inner().unwrap();
    assert!(seen.iter().all(|progress| progress.done <= progress.total), "{seen:?}");
    assert!(seen.is_sorted_by_key(|progress| (progress.total, progress.done)), "{seen:?}");
    let last = seen.last().expect("nothing was told of four million bytes");
    let layer = LAYER_BYTES as u64;
    assert!(last.done > 0 && (layer..layer + 65_536).contains(&last.total), "{seen:?}");
    discard(&image).await;
}

#[tokio::test]
async fn an_image_can_be_pinned_by_its_digest() {
    if !docker_is_here() {
        return;
    }
    let registry = Registry::start().await;
    let image = format!("{}/probe@{}", registry.host, registry.digest);
    let digest = engine(PullPolicy::IfMissing).await.pull(&image, None, &|_| {}).await.unwrap().digest;
    assert_eq!(digest, registry.digest);
    discard(&image).await;
}

#[tokio::test]
async fn a_name_the_registry_does_not_know_is_missing_and_not_merely_unreachable() {
    if !docker_is_here() {
        return;
    }
    let registry = Registry::start().await;
    for name in ["probe:2", "nowhere:1"] {
        let image = format!("{}/{name}", registry.host);
        let error = engine(PullPolicy::IfMissing).await.pull(&image, None, &|_| {}).await.unwrap_err();
        assert!(matches!(error, Error::ImageMissing { .. }), "{error:?}");
    }
}

#[tokio::test]
async fn a_rig_that_pulls_nothing_asks_no_registry() {
    if !docker_is_here() {
        return;
    }
    let registry = Registry::start().await;
    let image = format!("{}/probe:1", registry.host);
    let error = engine(PullPolicy::Never).await.pull(&image, None, &|_| {}).await.unwrap_err();
    assert!(matches!(error, Error::ImageMissing { .. }), "{error:?}");
}

#[tokio::test]
async fn an_image_is_removed_only_when_no_container_needs_it_and_only_by_its_name() {
    if !docker_is_here() {
        return;
    }
    let registry = Registry::start().await;
    let engine = engine(PullPolicy::IfMissing).await;
    let image = format!("{}/probe:1", registry.host);
    assert_eq!(engine.local_image(&image).await.unwrap(), None);
    engine.pull(&image, None, &|_| {}).await.unwrap();
    let pulled = engine.local_image(&image).await.unwrap().unwrap();
    assert!(pulled.id.starts_with("sha256:") && pulled.bytes > 0, "{pulled:?}");

    let docker = bollard::Docker::connect_with_defaults().unwrap().negotiate_version().await.unwrap();
    let body = bollard::models::ContainerCreateBody { image: Some(image.clone()), ..Default::default() };
    let container = docker.create_container(None::<CreateContainerOptions>, body).await.unwrap().id;
    assert!(!engine.remove_image(&image).await.unwrap(), "a container needs it that has not even started");
    assert_eq!(engine.local_image(&image).await.unwrap(), Some(pulled.clone()));
    docker.remove_container(&container, None::<RemoveContainerOptions>).await.unwrap();

    // The owner has given the same image a name of their own.
    let own = format!("{}-own", image.replace([':', '/', '.'], "-"));
    let tag = TagImageOptionsBuilder::default().repo(&own).tag("1").build();
    docker.tag_image(&image, Some(tag)).await.unwrap();
    let own = format!("{own}:1");
    assert!(engine.remove_image(&image).await.unwrap());
    assert_eq!(engine.local_image(&image).await.unwrap(), None);
    // A digest is of the registry whose name is gone.
    let kept = LocalImage { digest: pulled.id.clone(), ..pulled };
    assert_eq!(engine.local_image(&own).await.unwrap(), Some(kept));
    discard(&own).await;
    assert!(engine.remove_image(&image).await.unwrap(), "nothing to remove is as good");
}

fn login(host: &str, password: &str) -> RegistryLogin {
    RegistryLogin { host: host.to_owned(), username: "buyer".to_owned(), password: password.to_owned() }
}

/// Letters that the header's encoding writes in another way than most.
const PASSWORD: &str = "correct>>>???~~~ horse";

#[tokio::test]
async fn a_private_image_is_pulled_with_its_login_and_the_engine_keeps_none() {
    if !docker_is_here() {
        return;
    }
    let registry = Registry::guarded("buyer", PASSWORD).await;
    let engine = engine(PullPolicy::IfMissing).await;
    let image = format!("{}/probe:1", registry.host);
    let login = login(&registry.host, PASSWORD);
    assert_eq!(engine.pull(&image, Some(&login), &|_| {}).await.unwrap().digest, registry.digest);
    discard(&image).await;
    // Without it the next pull is refused: nobody remembered it.
    assert!(engine.pull(&image, None, &|_| {}).await.is_err());
}

#[tokio::test]
async fn a_login_that_the_registry_refuses_has_a_name_and_is_not_tried_again() {
    if !docker_is_here() {
        return;
    }
    let registry = Registry::guarded("buyer", PASSWORD).await;
    let engine = engine(PullPolicy::IfMissing).await;
    let image = format!("{}/probe:1", registry.host);
    let error = engine.pull(&image, Some(&login(&registry.host, "wrong")), &|_| {}).await.unwrap_err();
    assert!(matches!(error, Error::LoginRefused { .. }), "{error:?}");
    assert!(!error.to_string().contains("wrong"), "{error}");
    // A request without a login, one with it, for each way in which the engine asks; no more come by themselves.
    let refused = registry.refused();
    assert!(refused <= 8, "{refused} requests");
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    assert_eq!(registry.refused(), refused);
    assert_eq!(engine.local_image(&image).await.unwrap(), None);
}

/// A registry of which each answer is told by the request's path and whether it comes with a login; its host and port.
async fn registry_that(answer: impl Fn(&str, bool) -> Response + Clone + Send + Sync + 'static) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = listener.local_addr().unwrap().to_string();
    let answering = move |uri: Uri, headers: HeaderMap| async move {
        answer(uri.path(), headers.contains_key(header::AUTHORIZATION))
    };
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answering)).await });
    host
}

/// In the words of the protocol's errors.
fn refusal(status: StatusCode, challenge: &str, code: &str) -> Response {
    let body = serde_json::json!({ "errors": [{ "code": code, "message": "no" }] });
    // What the engine knows a registry of today by.
    let version = ("docker-distribution-api-version".parse().unwrap(), "registry/2.0".to_owned());
    (status, [(header::WWW_AUTHENTICATE, challenge.to_owned()), version], axum::Json(body)).into_response()
}

async fn pull_with_login(host: &str) -> Error {
    let engine = engine(PullPolicy::IfMissing).await;
    engine.pull(&format!("{host}/probe:1"), Some(&login(host, "plain")), &|_| {}).await.unwrap_err()
}

#[tokio::test]
async fn a_registry_that_has_failed_does_not_refuse_its_login() {
    if !docker_is_here() {
        return;
    }
    for status in [StatusCode::SERVICE_UNAVAILABLE, StatusCode::BAD_GATEWAY] {
        let host = registry_that(move |_, _| status.into_response()).await;
        let error = pull_with_login(&host).await;
        assert!(matches!(error, Error::PullFailed { .. }), "{status}: {error:?}");
    }
    // Of those who come with a login it wants to know more, and cannot.
    let host = registry_that(|_, knows| match knows {
        true => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        false => refusal(StatusCode::UNAUTHORIZED, "Basic realm=\"test\"", "UNAUTHORIZED"),
    });
    let error = pull_with_login(&host.await).await;
    assert!(matches!(error, Error::PullFailed { .. }), "{error:?}");
    let host = registry_that(|path, _| match path {
        "/v2/" => "{}".into_response(),
        _ => refusal(StatusCode::TOO_MANY_REQUESTS, "", "TOOMANYREQUESTS"),
    });
    let error = pull_with_login(&host.await).await;
    assert!(matches!(error, Error::PullFailed { .. }), "{error:?}");
}

/// One whose tokens are given out elsewhere, as Docker's own are, with this answer to who asks for one.
async fn registry_of_tokens(status: StatusCode) -> String {
    let answer = move |_: &str, _| (status, axum::Json(serde_json::json!({ "details": "no" }))).into_response();
    let tokens = registry_that(answer).await;
    let challenge = format!("Bearer realm=\"http://{tokens}/token\",service=\"test\"");
    registry_that(move |_, _| refusal(StatusCode::UNAUTHORIZED, &challenge, "UNAUTHORIZED")).await
}

#[tokio::test]
async fn a_login_that_is_refused_where_tokens_are_given_out_has_the_same_name() {
    if !docker_is_here() {
        return;
    }
    let error = pull_with_login(&registry_of_tokens(StatusCode::UNAUTHORIZED).await).await;
    assert!(matches!(error, Error::LoginRefused { .. }), "{error:?}");
    let error = pull_with_login(&registry_of_tokens(StatusCode::SERVICE_UNAVAILABLE).await).await;
    assert!(matches!(error, Error::PullFailed { .. }), "{error:?}");
}

#[tokio::test]
async fn what_is_not_there_is_missing_with_a_login_too() {
    if !docker_is_here() {
        return;
    }
    let registry = Registry::guarded("buyer", "plain").await;
    let image = format!("{}/probe:2", registry.host);
    let login = login(&registry.host, "plain");
    let error = engine(PullPolicy::IfMissing).await.pull(&image, Some(&login), &|_| {}).await.unwrap_err();
    assert!(matches!(error, Error::ImageMissing { .. }), "{error:?}");
}
