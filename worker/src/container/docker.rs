//! Docker, or Podman behind the same API.

mod create;
mod facts;
mod fence;
mod image;
mod network;
mod startup_files;
mod uptime;
mod volumes;

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use bollard::Docker as Api;
use bollard::container::LogOutput;
use bollard::errors::Error as ApiError;
use bollard::models::{ContainerState, ContainerStateStatusEnum, ContainerSummaryStateEnum};
use bollard::query_parameters::{
    AttachContainerOptionsBuilder, CreateContainerOptionsBuilder, KillContainerOptionsBuilder,
    ListContainersOptionsBuilder, LogsOptionsBuilder, RemoveContainerOptionsBuilder, WaitContainerOptionsBuilder,
};
use futures_util::future::{BoxFuture, join_all, ready};
use futures_util::stream::BoxStream;
use futures_util::{FutureExt, StreamExt};
use millrace_agent::{Exit, FoundContainer, FoundState, TaskKey};
use millrace_protocol::Address;
use millrace_seal::RegistryLogin;
use millrace_spec::Runtime;
use tokio::sync::Mutex;
use tokio::time::timeout;

use create::Means;
pub use facts::Facts;

use super::{Engine, Error, Info, LocalImage, Plan, Printed, Process, Progress, Signal, StandardStream, label, name};

/// From one look at a container to the next when the engine breaks off a wait.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// How long the engine may take to look at one container when all are listed; it answers within 10 s whether it is about
/// to stop.
const LOOK: Duration = Duration::from_secs(15);

/// How often to look whether a container that somebody else removes is gone.
const LOOKS: u32 = 20;

/// Linux's, Docker's and runc's words for a way in an image that leads to no folder, to no file, or into `/proc`.
const MISSHAPEN: [&str; 6] = [
    "not a directory",
    "is a directory",
    "file name too long",
    "too many links",
    "too many levels of symbolic links",
    "cannot be mounted because",
];

/// Which images may be fetched from registries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum PullPolicy {
    #[default]
    IfMissing,
    /// Only what the rig has already: for rigs without a registry.
    Never,
}

/// One Docker daemon.
pub struct Docker {
    api: Api,
    endpoint: String,
    pull: PullPolicy,
    /// As the engine named them last.
    bridges: Mutex<Option<Vec<fence::Bridge>>>,
    /// As it said last what it has.
    means: Mutex<Option<Means>>,
    /// Ids of images whose files can be read at a container's start.
    sound: Mutex<HashSet<String>>,
}

impl Docker {
    /// Connects to `host` (`unix://`, `tcp://`), or where `DOCKER_HOST` says, or to the usual socket.
    ///
    /// # Errors
    /// [`Error::Unreachable`].
    pub async fn connect(host: Option<&str>, pull: PullPolicy) -> Result<Self, Error> {
        let environment = std::env::var("DOCKER_HOST").ok();
        let endpoint = host.map(str::to_owned).or(environment).unwrap_or("unix:///var/run/docker.sock".to_owned());
        let api = Self::dial(&endpoint).await?.with_request_modifier(image::spell_login);
        Ok(Self { api, endpoint, pull, bridges: Mutex::default(), means: Mutex::default(), sound: Mutex::default() })
    }

    async fn dial(endpoint: &str) -> Result<Api, Error> {
        let unreachable = |error: ApiError| Error::Unreachable { endpoint: endpoint.to_owned(), reason: chain(&error) };
        let api = Api::connect_with_host(endpoint).map_err(unreachable)?;
        api.negotiate_version().await.map_err(unreachable)
    }

    /// What the daemon says of how it runs containers.
    ///
    /// # Errors
    /// [`Error::Unreachable`], [`Error::Refused`].
    pub async fn facts(&self) -> Result<Facts, Error> {
        facts::read(self).await
    }

    fn error(&self, error: bollard::errors::Error) -> Error {
        match error {
            bollard::errors::Error::DockerResponseServerError { status_code: 404, .. } => Error::NotFound,
            bollard::errors::Error::DockerResponseServerError { status_code, message } => {
                Error::Refused { status: status_code, reason: message }
            }
            other => Error::Unreachable { endpoint: self.endpoint.clone(), reason: chain(&other) },
        }
    }

    async fn means(&self) -> Result<Means, Error> {
        let known = *self.means.lock().await;
        match known {
            Some(means) => Ok(means),
            None => self.means_anew().await,
        }
    }

    async fn means_anew(&self) -> Result<Means, Error> {
        let means = Means::of(self.api.info().await.map_err(|error| self.error(error))?);
        *self.means.lock().await = Some(means);
        Ok(means)
    }

    /// Why the engine takes a container for a wrong one. All that is asked of it is the worker's, and the same for every
    /// job, but for the image, and for what the rig's owner may have taken away since the engine named its `means`.
    async fn blame(&self, plan: &Plan, means: Means, reason: String) -> Error {
        match self.means_anew().await {
            Ok(now) if now == means && now.has(plan.runtime) => {
                Error::ImageInvalid { image: plan.image.clone(), reason }
            }
            Ok(_) => Error::Refused { status: 400, reason },
            Err(error) => error,
        }
    }

    async fn remove_container(&self, container: &str) -> Result<(), Error> {
        let options = RemoveContainerOptionsBuilder::default().force(true).v(true).build();
        match self.api.remove_container(container, Some(options)).await.map_err(|error| self.error(error)) {
            Ok(()) | Err(Error::NotFound) => Ok(()),
            // Somebody else removes it already, and may fail.
            Err(error @ Error::Refused { status: 409, .. }) => {
                for _ in 0..LOOKS {
                    let found = self.api.inspect_container(container, None).await;
                    if let Err(Error::NotFound) = found.map_err(|error| self.error(error)) {
                        return Ok(());
                    }
                    tokio::time::sleep(LOOK_AGAIN / 4).await;
                }
                Err(error)
            }
            Err(error) => Err(error),
        }
    }

    async fn state(&self, container: &str) -> Result<FoundState, Error> {
        let found = self.api.inspect_container(container, None).await.map_err(|error| self.error(error))?;
        let made_in = found.config.and_then(|config| config.labels).and_then(|mut labels| labels.remove(label::RUN));
        let told = found.state.unwrap_or_default();
        uptime::judge(self, state(&told), made_in.as_deref(), told.started_at.as_deref()).await
    }

    /// The same, or what the `list` says where the engine cannot look: something may hold its lock on one container for
    /// ever, and the others are to have an owner all the same.
    async fn state_of_listed(
        &self,
        container: &str,
        list: Option<ContainerSummaryStateEnum>,
    ) -> Result<FoundState, Error> {
        match timeout(LOOK, self.state(container)).await {
            Ok(state) => state,
            Err(_) => {
                tracing::warn!(container, "the engine does not say how it is with a container");
                let created = list == Some(ContainerSummaryStateEnum::CREATED);
                Ok(if created { FoundState::Created } else { FoundState::Running })
            }
        }
    }

    /// What a start is that the engine failed at: it has one status for what hooks and the runtime refuse and for its
    /// own troubles.
    async fn failed_start(&self, key: TaskKey, reason: String) -> Error {
        let config = self.api.inspect_container(&name(key), None).await.ok().and_then(|found| found.config);
        let config = config.unwrap_or_default();
        let directory = config.working_dir.unwrap_or_default();
        let leads_nowhere = is_of_working_dir(&directory, &reason);
        if leads_nowhere || is_of_folders(&reason) {
            let image = config.labels.and_then(|mut labels| labels.remove(label::IMAGE)).or(config.image);
            let told = || format!("its working directory {directory} leads nowhere: give it another WORKDIR");
            let reason = if leads_nowhere { told() } else { reason };
            return Error::ImageInvalid { image: image.unwrap_or_default(), reason };
        }
        match config.env.is_some_and(|environment| wants_a_driver(&environment)) {
            true => Error::ImageUnfit { reason },
            false => Error::Refused { status: 500, reason },
        }
    }
}

/// Whether a container's variables say which GPU drivers it runs with. Of images without any such rule NVIDIA's hook
/// takes the version of CUDA for one.
fn wants_a_driver(environment: &[String]) -> bool {
    environment.iter().any(|line| line.starts_with("NVIDIA_REQUIRE_") || line.starts_with("CUDA_VERSION="))
}

/// Whether the engine's words are those for an image that has something else where a folder or a file must be. It says
/// so with the status of its own troubles and with no code, and the folders that are the rig's have been made before.
fn is_of_folders(reason: &str) -> bool {
    MISSHAPEN.iter().any(|words| reason.contains(words))
}

/// Whether the engine's words are runc's for a working directory that lies behind a link to nothing. Docker makes what
/// such a link leads to, but takes `..` for a way back also from a folder that is missing, as the kernel does not. Words
/// for a folder of the rig's own name that one.
fn is_of_working_dir(directory: &str, reason: &str) -> bool {
    let mut way = Path::new(directory).ancestors();
    way.any(|folder| reason.contains(&format!("mkdir {}: file exists", folder.display())))
}

/// With what is behind it: the client's own text only says that there was an error.
fn chain(error: &dyn std::error::Error) -> String {
    let all = std::iter::successors(Some(error), |error| error.source());
    all.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// `None` for half a piece at the end of what broke off, and for the engine's own words where it cannot read its log.
fn printed(output: LogOutput) -> Option<Printed> {
    match output {
        LogOutput::StdOut { message: bytes } => Some(Printed { stream: StandardStream::Output, bytes }),
        LogOutput::StdErr { message: bytes } => Some(Printed { stream: StandardStream::Error, bytes }),
        LogOutput::StdIn { .. } | LogOutput::Console { .. } => None,
    }
}

fn state(state: &ContainerState) -> FoundState {
    use ContainerStateStatusEnum as Status;
    match state.status {
        Some(Status::CREATED) => FoundState::Created,
        Some(Status::RUNNING | Status::PAUSED | Status::RESTARTING) => FoundState::Running,
        _ => FoundState::Exited(Exit {
            code: state.exit_code.unwrap_or(-1),
            out_of_memory: state.oom_killed.unwrap_or(false),
        }),
    }
}

/// The task that a container's labels name.
fn key(labels: &HashMap<String, String>) -> Option<TaskKey> {
    Some(TaskKey {
        lease: labels.get(label::LEASE)?.parse().ok()?,
        task: labels.get(label::TASK)?.parse().ok()?,
        attempt: labels.get(label::ATTEMPT)?.parse().ok()?,
    })
}

impl Engine for Docker {
    fn info(&self) -> BoxFuture<'_, Result<Info, Error>> {
        async move {
            let info = self.api.info().await.map_err(|error| self.error(error))?;
            let runtimes = info.runtimes.unwrap_or_default();
            Ok(Info {
                image_folder: info.docker_root_dir.as_ref().map(PathBuf::from).filter(|folder| folder.is_dir()),
                user_namespace: facts::user_namespace(&info.security_options, info.docker_root_dir.as_deref()),
                gvisor: runtimes.contains_key(create::engine_name(Runtime::Gvisor)),
                version: format!("Docker {}", info.server_version.unwrap_or_default()),
                cpu_cores: info.ncpu.and_then(|cores| cores.try_into().ok()).unwrap_or(1),
                memory_mib: info.mem_total.and_then(|bytes| (bytes / (1024 * 1024)).try_into().ok()).unwrap_or(0),
            })
        }
        .boxed()
    }

    fn fence(&self) -> BoxFuture<'_, Result<(), Error>> {
        fence::raise(self).boxed()
    }

    fn pulls(&self) -> bool {
        self.pull != PullPolicy::Never
    }

    fn is_offered<'a>(
        &'a self,
        image: &'a str,
        login: Option<&'a RegistryLogin>,
    ) -> BoxFuture<'a, Result<bool, Error>> {
        image::is_offered(self, image, login).boxed()
    }

    fn images(&self) -> BoxFuture<'_, Result<Vec<String>, Error>> {
        image::list(self).boxed()
    }

    fn local_image<'a>(&'a self, image: &'a str) -> BoxFuture<'a, Result<Option<LocalImage>, Error>> {
        image::local(self, image).boxed()
    }

    fn remove_image<'a>(&'a self, image: &'a str) -> BoxFuture<'a, Result<bool, Error>> {
        image::remove(self, image).boxed()
    }

    fn pull<'a>(
        &'a self,
        image: &'a str,
        login: Option<&'a RegistryLogin>,
        progress: &'a (dyn Fn(Progress) + Send + Sync),
    ) -> BoxFuture<'a, Result<LocalImage, Error>> {
        image::pull(self, image, login, progress).boxed()
    }

    fn create<'a>(&'a self, plan: &'a Plan) -> BoxFuture<'a, Result<(), Error>> {
        async move {
            let name = name(plan.key);
            self.remove(&name).await?;
            let (wanted, means, run) =
                tokio::try_join!(volumes::of(self, &plan.image_id, &plan.image), self.means(), uptime::run(self))?;
            network::create(self, plan).await?;
            let options = CreateContainerOptionsBuilder::default().name(&name).build();
            let devices = create::named_devices(plan, means, Path::exists);
            let body = create::body(plan, &wanted, devices, means, run);
            match self.api.create_container(Some(options), body).await {
                Ok(_) => Ok(()),
                // The image was there a moment ago.
                Err(error) => Err(match self.error(error) {
                    Error::Refused { status: 400, reason } => self.blame(plan, means, reason).await,
                    // Docker makes the image's working directory here.
                    Error::Refused { status: 500, reason } if is_of_folders(&reason) => {
                        Error::ImageInvalid { image: plan.image.clone(), reason }
                    }
                    Error::NotFound => volumes::removed(&plan.image),
                    other => other,
                }),
            }
        }
        .boxed()
    }

    fn start(&self, key: TaskKey) -> BoxFuture<'_, Result<(), Error>> {
        async move {
            startup_files::check(self, &name(key)).await?;
            let Err(error) = self.api.start_container(&name(key), None).await else { return Ok(()) };
            Err(match error {
                // What is wrong with the request can only be the command: all else was accepted when
                // the container was created.
                ApiError::DockerResponseServerError { status_code: 400, message } => {
                    Error::CommandMissing { reason: message }
                }
                ApiError::DockerResponseServerError { status_code: 500, message } => {
                    self.failed_start(key, message).await
                }
                // Some engines say 404 to a command, too.
                bollard::errors::Error::DockerResponseServerError { status_code, message } => {
                    Error::Refused { status: status_code, reason: message }
                }
                other => self.error(other),
            })
        }
        .boxed()
    }

    fn wait(&self, key: TaskKey) -> BoxFuture<'_, Result<Exit, Error>> {
        async move {
            let options = WaitContainerOptionsBuilder::default().condition("not-running").build();
            // Whether the engine was away since the container was last seen running.
            let mut away = false;
            loop {
                // Its outcome is only a reason to look: inspection knows more, and restarts of the
                // engine break a wait off.
                let waited = self.api.wait_container(&name(key), Some(options.clone())).next().await;
                let answered = matches!(
                    waited,
                    Some(
                        Ok(_)
                            | Err(
                                ApiError::DockerContainerWaitError { .. } | ApiError::DockerResponseServerError { .. }
                            )
                    )
                );
                away |= !answered;
                match self.state(&name(key)).await {
                    // A stopping engine stops its containers, and one that crashed makes up a status.
                    Ok(FoundState::Interrupted(_)) => return Err(Error::Interrupted),
                    Ok(FoundState::Exited(exit)) if away && exit.code != 0 && !exit.out_of_memory => {
                        return Err(Error::Interrupted);
                    }
                    Ok(FoundState::Exited(exit)) => return Ok(exit),
                    Err(error @ Error::NotFound) => return Err(error),
                    Ok(FoundState::Created | FoundState::Running) => away = false,
                    Err(_) => away = true,
                }
                tokio::time::sleep(LOOK_AGAIN).await;
            }
        }
        .boxed()
    }

    fn main_process(&self, key: TaskKey) -> BoxFuture<'_, Result<Option<Process>, Error>> {
        async move {
            let found = self.api.inspect_container(&name(key), None).await.map_err(|error| self.error(error))?;
            let pid = found.state.and_then(|state| state.pid).and_then(|pid| u32::try_from(pid).ok());
            // A container that does not run has the process 0.
            Ok(pid.filter(|pid| *pid > 0).zip(found.id).map(|(pid, container)| Process { pid, container }))
        }
        .boxed()
    }

    fn attach(&self, key: TaskKey) -> BoxFuture<'_, Option<BoxStream<'static, Printed>>> {
        async move {
            // What another driver keeps need not be what was printed: JSON has no bytes that are no text.
            self.means().await.ok().filter(Means::keeps_every_byte)?;
            let options = AttachContainerOptionsBuilder::default().stdout(true).stderr(true).stream(true).build();
            let name = name(key);
            let attached = async {
                let attached = self.api.attach_container(&name, Some(options)).await?;
                // It may have been started by a worker before this one, and looked at too early.
                let found = self.api.inspect_container(&name, None).await?.state.and_then(|state| state.status);
                Ok::<_, ApiError>((found == Some(ContainerStateStatusEnum::CREATED)).then_some(attached.output))
            };
            let attached = timeout(LOOK, attached).await.unwrap_or(Err(ApiError::RequestTimeoutError));
            let output = attached.unwrap_or_else(|error| {
                tracing::warn!(task = %key, %error, "the engine's own log is read instead of the container's words");
                None
            })?;
            let whole = output.map(move |output| match output {
                Ok(output) => printed(output),
                Err(error) => {
                    tracing::warn!(task = %key, %error, "the container's words break off: its log is gone on with");
                    None
                }
            });
            Some(whole.take_while(|printed| ready(printed.is_some())).filter_map(ready).boxed())
        }
        .boxed()
    }

    fn logs(&self, key: TaskKey) -> BoxStream<'_, Result<Printed, Error>> {
        let options = LogsOptionsBuilder::default().stdout(true).stderr(true).follow(true).build();
        let stream = self.api.logs(&name(key), Some(options));
        let broken = || Error::Refused { status: 500, reason: "its log cannot be read on".to_owned() };
        stream.map(move |output| printed(output.map_err(|error| self.error(error))?).ok_or_else(broken)).boxed()
    }

    fn signal(&self, key: TaskKey, signal: Signal) -> BoxFuture<'_, Result<(), Error>> {
        async move {
            let signal = match signal {
                Signal::Terminate => "SIGTERM",
                Signal::Kill => "SIGKILL",
            };
            let options = KillContainerOptionsBuilder::default().signal(signal).build();
            match self.api.kill_container(&name(key), Some(options)).await.map_err(|error| self.error(error)) {
                // 409: it does not run.
                Ok(()) | Err(Error::NotFound | Error::Refused { status: 409, .. }) => Ok(()),
                Err(error) => Err(error),
            }
        }
        .boxed()
    }

    fn remove<'a>(&'a self, container: &'a str) -> BoxFuture<'a, Result<(), Error>> {
        async move {
            // Its network is called like it, and what its image was looked at in after it.
            let own = match self.api.inspect_container(container, None).await {
                Ok(found) => found.name.map(|name| name.trim_start_matches('/').to_owned()),
                Err(_) => None,
            };
            let own = own.as_deref().unwrap_or(container);
            self.remove_container(&startup_files::bare_name(own)).await?;
            self.remove_container(container).await?;
            network::remove(self, own).await
        }
        .boxed()
    }

    fn list(&self, node: Address) -> BoxFuture<'_, Result<Vec<FoundContainer>, Error>> {
        async move {
            let filters = HashMap::from([("label".to_owned(), vec![format!("{}={node}", label::NODE)])]);
            let options = ListContainersOptionsBuilder::default().all(true).filters(&filters).build();
            let mut listed = self.api.list_containers(Some(options)).await.map_err(|error| self.error(error))?;
            let mut found = Vec::new();
            let mut networks = network::list(self, node).await?;
            // Of a task's two containers the first one counts.
            listed.sort_by_key(|container| container.names.iter().flatten().any(|name| startup_files::is_bare(name)));
            // The list has no exit codes.
            let states = join_all(listed.iter().map(async |container| match &container.id {
                Some(id) => self.state_of_listed(id, container.state).await,
                None => Err(Error::NotFound),
            }));
            for (state, container) in states.await.into_iter().zip(listed) {
                let names = container.names.unwrap_or_default();
                networks.retain(|network| names.iter().all(|name| name.trim_start_matches('/') != network));
                let state = match state {
                    Ok(state) => state,
                    Err(Error::NotFound) => continue,
                    Err(error) => return Err(error),
                };
                let key = key(&container.labels.unwrap_or_default());
                found.extend(container.id.map(|id| FoundContainer { id, key, state }));
            }
            // A network without its container is what is left of one.
            found.extend(networks.into_iter().map(|id| FoundContainer { id, key: None, state: FoundState::Created }));
            Ok(found)
        }
        .boxed()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

    use serde_json::{Value, json};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    /// A daemon that breaks a wait off `breaks` times, and then answers it.
    async fn daemon(breaks: u32, container: String) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("tcp://{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            let mut broken = 0;
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut request = vec![0; 16 * 1024];
                let read = stream.read(&mut request).await.unwrap();
                let request = String::from_utf8_lossy(&request[..read]).into_owned();
                let body = if request.contains("/version") {
                    r#"{"ApiVersion":"1.41","MinAPIVersion":"1.12"}"#.to_owned()
                } else if request.contains("/wait") {
                    broken += 1;
                    if broken <= breaks {
                        continue;
                    }
                    r#"{"StatusCode":255}"#.to_owned()
                } else if request.contains("/networks/bridge") {
                    r#"{"Id":"this-run","Created":"2026-01-01T13:00:00.5+01:00"}"#.to_owned()
                } else {
                    container.clone()
                };
                let length = body.len();
                let answer = format!(
                    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
                );
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        url
    }

    const KEY: TaskKey = TaskKey { lease: Address([1; 32]), task: 0, attempt: 1 };

    /// A status that is none: the daemon never answers.
    const NEVER: u16 = 0;

    /// A daemon that answers what `answer` has for the last part of a question's path, and fails at any other.
    async fn told(answer: impl Fn(&str) -> Option<(u16, Value)> + Clone + Send + Sync + 'static) -> Docker {
        told_by_path(move |path| answer(path.rsplit('/').next().unwrap_or_default())).await
    }

    /// The same for the whole path.
    async fn told_by_path(answer: impl Fn(&str) -> Option<(u16, Value)> + Clone + Send + Sync + 'static) -> Docker {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("tcp://{}", listener.local_addr().unwrap());
        let answer = move |request: axum::extract::Request| async move {
            let path = request.uri().path();
            let (status, body) = match path.ends_with("/version") {
                true => (200, json!({ "ApiVersion": "1.41", "MinAPIVersion": "1.12" })),
                false => answer(path).unwrap_or_else(|| (501, json!({ "message": "who would ask that?" }))),
            };
            if status == NEVER {
                std::future::pending::<()>().await;
            }
            (axum::http::StatusCode::from_u16(status).unwrap(), axum::Json(body))
        };
        tokio::spawn(async move { axum::serve(listener, axum::Router::new().fallback(answer)).await });
        Docker::connect(Some(&url), PullPolicy::Never).await.unwrap()
    }

    const HOOK: &str = "a hook has failed";

    /// What a failed start is, of a container with this variable of its image.
    async fn failed_start(status: u16, variable: &'static str, message: &'static str) -> (Error, usize) {
        let looks = Arc::new(AtomicUsize::new(0));
        let counted = looks.clone();
        let docker = told(move |question| match question {
            "start" => Some((status, json!({ "message": message }))),
            "json" => {
                counted.fetch_add(1, Relaxed);
                let labels = json!({ label::IMAGE: "probe:1" });
                let config = json!({ "Labels": labels, "Env": ["PATH=/bin", variable], "WorkingDir": "/link/work" });
                Some((200, json!({ "Image": "sha256:sound", "Config": config })))
            }
            _ => None,
        });
        let docker = docker.await;
        docker.sound.lock().await.insert("sha256:sound".to_owned());
        let error = docker.start(KEY).await.unwrap_err();
        (error, looks.load(Relaxed))
    }

    #[tokio::test]
    async fn a_start_that_fails_is_the_images_where_it_asks_for_a_driver() {
        for rule in ["NVIDIA_REQUIRE_CUDA=cuda>=99", "CUDA_VERSION=99.0"] {
            let (error, _) = failed_start(500, rule, HOOK).await;
            assert!(matches!(&error, Error::ImageUnfit { reason } if reason == HOOK), "{rule}: {error:?}");
        }
        for other in ["CUDA=99", "CUDA_VERSIONS=99.0"] {
            let (error, _) = failed_start(500, other, HOOK).await;
            assert!(matches!(error, Error::Refused { status: 500, .. }), "{other}: {error:?}");
        }
    }

    #[tokio::test]
    async fn a_start_that_fails_is_the_images_where_it_leads_into_the_kernels_folders() {
        const INTO: &str = "error mounting \"/a\" to rootfs at \"/outputs\": \"/b/proc/1\" cannot be mounted because \
                            it is inside /proc: unknown";
        let (error, _) = failed_start(500, "A=b", INTO).await;
        let told = matches!(&error, Error::ImageInvalid { image, reason } if image == "probe:1" && reason == INTO);
        assert!(told, "{error:?}");
        let (error, _) = failed_start(500, "A=b", "error mounting \"/a\": no space left on device").await;
        assert!(matches!(error, Error::Refused { status: 500, .. }), "{error:?}");
    }

    #[tokio::test]
    async fn a_start_that_fails_is_the_images_where_its_working_directory_leads_nowhere() {
        const RUNC: &str = "error during container init: mkdir /link: file exists: unknown";
        let (error, _) = failed_start(500, "A=b", RUNC).await;
        let told =
            matches!(&error, Error::ImageInvalid { image, reason } if image == "probe:1" && reason.contains("WORKDIR"));
        assert!(told, "{error:?}");
        for rigs in ["mkdir /run/containerd/link: file exists: unknown", "mkdir /link: no space left on device"] {
            let (error, _) = failed_start(500, "A=b", rigs).await;
            assert!(matches!(error, Error::Refused { status: 500, .. }), "{error:?}");
        }
    }

    #[tokio::test]
    async fn the_image_is_looked_at_only_where_a_hook_may_have_failed() {
        let (error, looks) = failed_start(400, "NVIDIA_REQUIRE_CUDA=cuda>=99", HOOK).await;
        assert!(matches!(error, Error::CommandMissing { .. }), "{error:?}");
        assert_eq!(looks, 1, "only for what it is made of, before it is started");
    }

    #[tokio::test]
    async fn a_container_that_the_engine_cannot_look_at_leaves_the_others_their_owner() {
        let docker = told_by_path(|path| match path.rsplit('/').nth(1) {
            _ if path.ends_with("/networks") => Some((200, json!([]))),
            Some("containers") => {
                let states = ["created", "running", "exited", "running"];
                let listed = states.iter().enumerate();
                Some((200, listed.map(|(id, state)| json!({ "Id": id.to_string(), "State": state })).collect()))
            }
            Some("3") => Some((200, json!({ "State": { "Status": "running" } }))),
            _ => Some((NEVER, json!({}))),
        });
        let found = docker.await.list(Address([2; 32])).await.unwrap();
        let states: Vec<_> = found.iter().map(|container| (container.id.as_str(), &container.state)).collect();
        let running = &FoundState::Running;
        assert_eq!(states, [("0", &FoundState::Created), ("1", running), ("2", running), ("3", running)]);
    }

    /// What comes of a container that the engine calls a wrong one, where it first has these runtimes and then those.
    async fn wrong_container(asked: Option<Runtime>, first: Value, then: Value) -> Error {
        refused_container(asked, first, then, (400, "invalid")).await
    }

    async fn refused_container(asked: Option<Runtime>, first: Value, then: Value, said: (u16, &'static str)) -> Error {
        let named = Arc::new(std::sync::Mutex::new(first));
        let docker = told(move |question| match question {
            "info" => Some((200, json!({ "Runtimes": *named.lock().unwrap() }))),
            "json" => Some((200, json!({}))),
            "bridge" => Some((200, json!({ "Id": "this-run" }))),
            "create" => {
                *named.lock().unwrap() = then.clone();
                Some((said.0, json!({ "message": said.1 })))
            }
            // What is left of a container and a network that are not there.
            name if name.starts_with("millrace-") => Some((404, json!({ "message": "not here" }))),
            _ => None,
        });
        let plan = Plan { runtime: asked, ..create::tests::plan() };
        docker.await.create(&plan).await.unwrap_err()
    }

    #[tokio::test]
    async fn a_container_that_is_refused_is_the_images_fault_only_while_its_runtime_is_there() {
        let (both, runc) = (json!({ "runc": {}, "runsc": {} }), json!({ "runc": {} }));
        for asked in [None, Some(Runtime::Gvisor)] {
            let error = wrong_container(asked, both.clone(), both.clone()).await;
            assert!(matches!(error, Error::ImageInvalid { .. }), "{error:?}");
        }
        for first in [both, runc.clone()] {
            let error = wrong_container(Some(Runtime::Gvisor), first, runc.clone()).await;
            assert!(matches!(error, Error::Refused { status: 400, .. }), "{error:?}");
        }
        let error = wrong_container(None, runc, json!({ "crun": {} })).await;
        assert!(matches!(error, Error::Refused { status: 400, .. }), "{error:?}");
    }

    #[tokio::test]
    async fn a_container_whose_working_directory_is_none_is_the_images_fault() {
        let refused = |said| refused_container(None, json!({ "runc": {} }), json!({ "runc": {} }), said);
        let error = refused((500, "Cannot mkdir: /w is not a directory")).await;
        assert!(matches!(&error, Error::ImageInvalid { image, .. } if image == "probe:1"), "{error:?}");
        let error = refused((500, "mkdir /w: no space left on device")).await;
        assert!(matches!(error, Error::Refused { status: 500, .. }), "{error:?}");
    }

    async fn end(breaks: u32, state: &str) -> Result<Exit, Error> {
        end_of(breaks, format!(r#"{{"State":{state}}}"#)).await
    }

    async fn end_of(breaks: u32, container: String) -> Result<Exit, Error> {
        let docker = Docker::connect(Some(&daemon(breaks, container).await), PullPolicy::Never).await.unwrap();
        docker.wait(KEY).await
    }

    #[tokio::test]
    async fn a_status_from_the_time_the_engine_was_away_is_not_the_programs() {
        const BAD: &str = r#"{"Status":"exited","ExitCode":255,"OOMKilled":false}"#;
        assert!(matches!(end(1, BAD).await, Err(Error::Interrupted)));
        let exit = end(0, BAD).await.unwrap();
        assert_eq!(exit, Exit { code: 255, out_of_memory: false });
        let exit = end(1, r#"{"Status":"exited","ExitCode":137,"OOMKilled":true}"#).await.unwrap();
        assert!(exit.out_of_memory);
    }

    #[tokio::test]
    async fn a_status_from_before_the_engine_was_started_is_not_the_programs_either() {
        const BEFORE: &str = r#"{"Status":"exited","ExitCode":0,"StartedAt":"2026-01-01T12:00:00.5Z"}"#;
        const SINCE: &str = r#"{"Status":"exited","ExitCode":0,"StartedAt":"2026-01-01T12:00:00.6Z"}"#;
        let of_another = |state| format!(r#"{{"Config":{{"Labels":{{"{}":"another"}}}},"State":{state}}}"#, label::RUN);
        // A program that ends well when it is told to, and one that had ended well while nobody listened.
        for breaks in [0, 1] {
            assert!(matches!(end(breaks, BEFORE).await, Err(Error::Interrupted)), "an earlier worker's");
            assert!(matches!(end_of(breaks, of_another(BEFORE)).await, Err(Error::Interrupted)));
            assert_eq!(end(breaks, SINCE).await.unwrap().code, 0);
            assert_eq!(end_of(breaks, of_another(SINCE)).await.unwrap().code, 0, "it was started since");
        }
        let exit = end(1, r#"{"Status":"exited","ExitCode":0}"#).await.unwrap();
        assert_eq!(exit.code, 0, "an engine that does not tell");
        const MEMORY: &str =
            r#"{"Status":"exited","ExitCode":0,"OOMKilled":true,"StartedAt":"2026-01-01T12:00:00.4Z"}"#;
        assert!(end(1, MEMORY).await.unwrap().out_of_memory);
    }

    #[tokio::test]
    async fn in_one_run_of_the_engine_no_clock_makes_a_result_none() {
        // Docker was started while the machine's clock was eight hours ahead.
        let container = format!(
            r#"{{"Config":{{"Labels":{{"{}":"this-run"}}}},"State":{{"Status":"exited","ExitCode":0,
               "StartedAt":"2026-01-01T04:00:00Z","FinishedAt":"2026-01-01T04:10:00Z"}}}}"#,
            label::RUN
        );
        assert_eq!(end_of(0, container).await.unwrap().code, 0);
    }

    #[tokio::test]
    async fn an_engine_that_is_being_stopped_is_not_believed() {
        let engine = stopping().await;
        let docker = Docker::connect(Some(&engine), PullPolicy::Never).await.unwrap();
        let ended = tokio::time::timeout(LOOK_AGAIN * 2, docker.wait(KEY)).await;
        assert!(ended.is_err(), "it says that the program ended well: {ended:?}");
    }

    /// A daemon that answers on the connections it has, and takes no further one.
    async fn stopping() -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("tcp://{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            drop(listener);
            let mut request = vec![0; 16 * 1024];
            while let Ok(read @ 1..) = stream.read(&mut request).await {
                let request = String::from_utf8_lossy(&request[..read]);
                let body = if request.contains("/version") {
                    r#"{"ApiVersion":"1.41","MinAPIVersion":"1.12"}"#
                } else if request.contains("/wait") {
                    r#"{"StatusCode":0}"#
                } else {
                    r#"{"State":{"Status":"exited","ExitCode":0,"FinishedAt":"2026-01-01T12:00:00.6Z"}}"#
                };
                let length = body.len();
                let head = format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}");
                stream.write_all(format!("{head}\r\n\r\n{body}").as_bytes()).await.unwrap();
            }
        });
        url
    }
}
