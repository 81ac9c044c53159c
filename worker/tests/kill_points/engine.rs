use std::path::{Path, PathBuf};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use millrace_agent::{Exit, FoundContainer, TaskKey};
use millrace_protocol::Address;
use millrace_seal::RegistryLogin;
use millrace_worker::container::docker::Docker;
use millrace_worker::container::{Engine, Error, Info, LocalImage, Plan, Printed, Progress, Signal};

use super::process::pass;

/// Docker, with a moment before and after each thing that is done to a container.
pub struct Mortal {
    folder: PathBuf,
    docker: Docker,
}

impl Mortal {
    pub fn new(folder: &Path, docker: Docker) -> Self {
        Self { folder: folder.to_owned(), docker }
    }

    fn around<'a, T>(&'a self, what: &'static str, deed: BoxFuture<'a, T>) -> BoxFuture<'a, T>
    where
        T: Send + 'a,
    {
        async move {
            pass(&self.folder, &format!("before {what}"));
            let result = deed.await;
            pass(&self.folder, &format!("after {what}"));
            result
        }
        .boxed()
    }
}

impl Engine for Mortal {
    fn info(&self) -> BoxFuture<'_, Result<Info, Error>> {
        self.docker.info()
    }

    fn fence(&self) -> BoxFuture<'_, Result<(), Error>> {
        self.docker.fence()
    }

    fn pulls(&self) -> bool {
        self.docker.pulls()
    }

    fn is_offered<'a>(
        &'a self,
        image: &'a str,
        login: Option<&'a RegistryLogin>,
    ) -> BoxFuture<'a, Result<bool, Error>> {
        self.docker.is_offered(image, login)
    }

    fn local_image<'a>(&'a self, image: &'a str) -> BoxFuture<'a, Result<Option<LocalImage>, Error>> {
        self.docker.local_image(image)
    }

    fn images(&self) -> BoxFuture<'_, Result<Vec<String>, Error>> {
        self.docker.images()
    }

    fn pull<'a>(
        &'a self,
        image: &'a str,
        login: Option<&'a RegistryLogin>,
        progress: &'a (dyn Fn(Progress) + Send + Sync),
    ) -> BoxFuture<'a, Result<LocalImage, Error>> {
        self.docker.pull(image, login, progress)
    }

    fn create<'a>(&'a self, plan: &'a Plan) -> BoxFuture<'a, Result<(), Error>> {
        self.around("creating the container", self.docker.create(plan))
    }

    fn start(&self, key: TaskKey) -> BoxFuture<'_, Result<(), Error>> {
        self.around("starting the container", self.docker.start(key))
    }

    fn wait(&self, key: TaskKey) -> BoxFuture<'_, Result<Exit, Error>> {
        self.docker.wait(key)
    }

    fn attach(&self, key: TaskKey) -> BoxFuture<'_, Option<BoxStream<'static, Printed>>> {
        self.around("attaching to the container", self.docker.attach(key))
    }

    fn logs(&self, key: TaskKey) -> BoxStream<'_, Result<Printed, Error>> {
        self.docker.logs(key)
    }

    fn signal(&self, key: TaskKey, signal: Signal) -> BoxFuture<'_, Result<(), Error>> {
        let what = match signal {
            Signal::Terminate => "SIGTERM to the container",
            Signal::Kill => "SIGKILL to the container",
        };
        self.around(what, self.docker.signal(key, signal))
    }

    fn remove<'a>(&'a self, container: &'a str) -> BoxFuture<'a, Result<(), Error>> {
        self.around("removing the container", self.docker.remove(container))
    }

    fn list(&self, node: Address) -> BoxFuture<'_, Result<Vec<FoundContainer>, Error>> {
        self.docker.list(node)
    }
}
