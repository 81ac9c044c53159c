use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use futures_util::{FutureExt, StreamExt, stream};
use millrace_agent::{Exit, FoundContainer, FoundState, TaskKey};
use millrace_protocol::Address;
use millrace_seal::RegistryLogin;
use millrace_worker::container::{
    Engine, Error, Info, LocalImage, Plan, Printed, Progress, Signal, StandardStream, name,
};
use tokio::sync::watch;

/// What a container of the fake engine does once it is started.
#[derive(Clone)]
pub enum Script {
    /// Writes the files and exits.
    Exit { code: i64, files: Vec<(&'static str, &'static str)> },
    /// Runs until it is told to stop.
    RunUntilStopped,
    /// Ignores SIGTERM.
    Deaf,
}

struct Container {
    plan: Plan,
    state: watch::Sender<FoundState>,
}

/// An engine in memory. Strict: whatever a correct worker would not ask for fails the test.
pub struct FakeEngine {
    script: Script,
    image: Mutex<Option<&'static str>>,
    /// Whether an image that is missing can be had.
    pub registry: bool,
    containers: Mutex<BTreeMap<String, Container>>,
    /// Every call that changes something.
    pub calls: Mutex<Vec<String>>,
    /// What came with each pull.
    pub logins: Mutex<Vec<Option<RegistryLogin>>>,
    pub log: &'static [u8],
    /// How many removals fail before one succeeds.
    pub refusals: AtomicU32,
    /// Whether containers can be kept away from the rig's networks, or why not.
    pub fence: Mutex<Result<(), String>>,
    /// Whether nobody answers who asks what it is and runs.
    pub is_away: AtomicBool,
}

impl FakeEngine {
    pub fn new(script: Script) -> Self {
        let (containers, calls) = (Mutex::default(), Mutex::default());
        let (image, log) = (Mutex::new(Some("sha256:local")), b"first\nsecond\n".as_slice());
        let fence = Mutex::new(Ok(()));
        let logins = Mutex::default();
        let (refusals, is_away) = (AtomicU32::new(0), AtomicBool::new(false));
        Self { script, image, registry: false, containers, calls, logins, log, refusals, fence, is_away }
    }

    /// An engine without the image.
    pub fn without_image(script: Script) -> Self {
        Self { image: Mutex::default(), ..Self::new(script) }
    }

    /// What the worker asked to create.
    pub fn plan(&self) -> Plan {
        self.containers.lock().unwrap().values().next().expect("no container").plan.clone()
    }

    pub fn calls(&self) -> Vec<String> {
        self.calls.lock().unwrap().clone()
    }

    /// Ends a container's program.
    pub fn end(&self, key: TaskKey, code: i64) {
        let containers = self.containers.lock().unwrap();
        let container = containers.get(&name(key)).expect("no such container");
        container.state.send_replace(FoundState::Exited(Exit { code, out_of_memory: false }));
    }

    /// Removes a container behind the worker's back.
    pub fn lose(&self, key: TaskKey) {
        self.containers.lock().unwrap().remove(&name(key)).expect("no such container");
    }

    fn call(&self, what: &str, key: TaskKey) {
        self.calls.lock().unwrap().push(format!("{what} {}", key.task));
    }

    fn state(&self, key: TaskKey) -> Option<watch::Receiver<FoundState>> {
        self.containers.lock().unwrap().get(&name(key)).map(|container| container.state.subscribe())
    }
}

fn local(digest: &str) -> LocalImage {
    LocalImage { id: digest.to_owned(), digest: digest.to_owned(), bytes: 1, is_named: true }
}

impl Engine for FakeEngine {
    fn info(&self) -> BoxFuture<'_, Result<Info, Error>> {
        async {
            if self.is_away.load(Relaxed) {
                return Err(Error::Unreachable { endpoint: "fake".into(), reason: "nobody is there".into() });
            }
            Ok(Info {
                version: "fake".into(),
                cpu_cores: 4,
                memory_mib: 8_192,
                gvisor: false,
                user_namespace: None,
                image_folder: None,
            })
        }
        .boxed()
    }

    fn fence(&self) -> BoxFuture<'_, Result<(), Error>> {
        async { self.fence.lock().unwrap().clone().map_err(|reason| Error::Unfenced { reason }) }.boxed()
    }

    fn pulls(&self) -> bool {
        self.registry
    }

    fn is_offered<'a>(
        &'a self,
        _image: &'a str,
        _login: Option<&'a RegistryLogin>,
    ) -> BoxFuture<'a, Result<bool, Error>> {
        let here = self.image.lock().unwrap().is_some();
        async move { Ok(here) }.boxed()
    }

    fn local_image<'a>(&'a self, image: &'a str) -> BoxFuture<'a, Result<Option<LocalImage>, Error>> {
        assert_eq!(image, "millrace/probe:1");
        async { Ok(self.image.lock().unwrap().map(local)) }.boxed()
    }

    fn images(&self) -> BoxFuture<'_, Result<Vec<String>, Error>> {
        async { Ok(self.image.lock().unwrap().iter().map(|_| "millrace/probe:1".to_owned()).collect()) }.boxed()
    }

    fn pull<'a>(
        &'a self,
        image: &'a str,
        login: Option<&'a RegistryLogin>,
        progress: &'a (dyn Fn(Progress) + Send + Sync),
    ) -> BoxFuture<'a, Result<LocalImage, Error>> {
        let mut here = self.image.lock().unwrap();
        assert!(here.is_none(), "an image that is there is not pulled");
        self.logins.lock().unwrap().push(login.cloned());
        progress(Progress { done: 10, total: 10 });
        if self.registry {
            *here = Some("sha256:pulled");
            return async { Ok(local("sha256:pulled")) }.boxed();
        }
        async move { Err(Error::ImageMissing { image: image.to_owned(), reason: "never heard of it".into() }) }.boxed()
    }

    fn create<'a>(&'a self, plan: &'a Plan) -> BoxFuture<'a, Result<(), Error>> {
        self.call("create", plan.key);
        assert!(plan.inputs.is_dir() && plan.outputs.is_dir(), "folders come first");
        assert_ne!(plan.user.0, 0, "never root");
        let container = Container { plan: plan.clone(), state: watch::Sender::new(FoundState::Created) };
        let old = self.containers.lock().unwrap().insert(name(plan.key), container);
        assert!(old.is_none(), "a second container for the same task");
        async { Ok(()) }.boxed()
    }

    fn start(&self, key: TaskKey) -> BoxFuture<'_, Result<(), Error>> {
        self.call("start", key);
        let containers = self.containers.lock().unwrap();
        let container = containers.get(&name(key)).expect("it was created");
        let state = match &self.script {
            Script::Exit { code, files } => {
                for (path, content) in files {
                    std::fs::write(container.plan.outputs.join(path), content).unwrap();
                }
                FoundState::Exited(Exit { code: *code, out_of_memory: false })
            }
            Script::RunUntilStopped | Script::Deaf => FoundState::Running,
        };
        container.state.send_replace(state);
        async { Ok(()) }.boxed()
    }

    fn wait(&self, key: TaskKey) -> BoxFuture<'_, Result<Exit, Error>> {
        async move {
            let mut state = self.state(key).ok_or(Error::NotFound)?;
            loop {
                if let FoundState::Exited(exit) = *state.borrow_and_update() {
                    return Ok(exit);
                }
                state.changed().await.map_err(|_| Error::NotFound)?;
            }
        }
        .boxed()
    }

    fn logs(&self, key: TaskKey) -> BoxStream<'_, Result<Printed, Error>> {
        let end = async move {
            let _ = self.wait(key).await;
            Err(Error::NotFound)
        };
        // Like Docker, line by line.
        let lines = self
            .log
            .split_inclusive(|byte| *byte == b'\n')
            .map(|line| Ok(Printed { stream: StandardStream::Output, bytes: Bytes::from_static(line) }));
        stream::iter(lines).chain(stream::once(end)).boxed()
    }

    fn signal(&self, key: TaskKey, signal: Signal) -> BoxFuture<'_, Result<(), Error>> {
        let heeded = signal == Signal::Kill || matches!(self.script, Script::RunUntilStopped);
        if let Some(container) = self.containers.lock().unwrap().get(&name(key))
            && *container.state.borrow() == FoundState::Running
        {
            self.call(&format!("{signal:?}"), key);
            if heeded {
                let code = if signal == Signal::Kill { 137 } else { 143 };
                container.state.send_replace(FoundState::Exited(Exit { code, out_of_memory: false }));
            }
        }
        async { Ok(()) }.boxed()
    }

    fn remove<'a>(&'a self, container: &'a str) -> BoxFuture<'a, Result<(), Error>> {
        let mut containers = self.containers.lock().unwrap();
        if let Some(found) = containers.get(container) {
            assert!(found.plan.outputs.is_dir(), "the container goes before its folders");
            if self.refusals.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1)).is_ok() {
                let refused = Error::Refused { status: 500, reason: "device or resource busy".into() };
                return async { Err(refused) }.boxed();
            }
        }
        if let Some(container) = containers.remove(container) {
            self.call("remove", container.plan.key);
        }
        async { Ok(()) }.boxed()
    }

    fn list(&self, node: Address) -> BoxFuture<'_, Result<Vec<FoundContainer>, Error>> {
        let containers = self.containers.lock().unwrap();
        let found = containers.iter().filter(|(_, container)| container.plan.node == node);
        let found = found.map(|(name, container)| FoundContainer {
            id: name.clone(),
            key: Some(container.plan.key),
            state: *container.state.borrow(),
        });
        let found = found.collect();
        async { Ok(found) }.boxed()
    }
}
