//! The demo's look at Docker: is it there, is the image there, and what is left at the end.

use std::sync::Mutex;
use std::time::Duration;

use millrace_protocol::{Address, Diagnostic};
use millrace_worker::container::docker::{Docker, PullPolicy};
use millrace_worker::container::{Engine as _, Error as EngineError};
use thiserror::Error;

use crate::errors::Failure;

const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Why the demo cannot run here.
#[derive(Debug, Error)]
#[error("the image `{image}` is not on this machine")]
pub struct ImageMissing {
    image: String,
}

impl Diagnostic for ImageMissing {
    fn code(&self) -> &'static str {
        "image-missing"
    }

    fn hint(&self) -> String {
        "`./dev demo` builds the images it needs; alone it is `tools/images/build`".to_owned()
    }
}

/// Docker, and the nodes whose containers are to be removed at the end.
pub struct Engine {
    docker: Docker,
    nodes: Mutex<Vec<Address>>,
}

impl Engine {
    /// Connects, and looks for the image that the job needs.
    ///
    /// # Errors
    /// Docker that cannot be reached, an image that is not there.
    pub async fn with_image(image: &str) -> Result<Self, Failure> {
        let docker = Docker::connect(None, PullPolicy::Never).await?;
        match docker.local_image(image).await {
            Ok(Some(_)) => Ok(Self { docker, nodes: Mutex::default() }),
            Ok(None) | Err(EngineError::ImageMissing { .. }) => {
                Err(Failure::refused(&ImageMissing { image: image.to_owned() }))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Remembers whose containers are to go at the end.
    pub fn clean_up_after(&self, nodes: &[Address]) {
        self.nodes.lock().unwrap_or_else(std::sync::PoisonError::into_inner).extend(nodes);
    }

    /// Removes every container of the remembered nodes, running or not, once their workers have ended. Looks until a
    /// second look finds none: what a worker asked for before it was ended the engine may still be making.
    ///
    /// # Errors
    /// Docker that cannot be reached any more.
    pub async fn remove_all(&self) -> Result<(), Failure> {
        let nodes = self.nodes.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
        loop {
            let before = self.remove_present(&nodes).await?;
            tokio::time::sleep(LOOK_AGAIN).await;
            if before + self.remove_present(&nodes).await? == 0 {
                return Ok(());
            }
        }
    }

    /// How many there were.
    async fn remove_present(&self, nodes: &[Address]) -> Result<usize, Failure> {
        let mut removed = 0;
        for node in nodes {
            for container in self.docker.list(*node).await? {
                self.docker.remove(&container.id).await?;
                removed += 1;
            }
        }
        Ok(removed)
    }
}
