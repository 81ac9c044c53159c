//! The orchestrator's HTTP interface, as far as buyers need it.

use std::time::Duration;

use ed25519_dalek::SigningKey;
use millrace_link::auth;
use millrace_link::rest::{JobStatus, Network, Node, Placements, Problem, TaskEarlyOutputs, TaskOutputs};
use millrace_protocol::{Address, Diagnostic};
use millrace_scheduler::Auction;
use reqwest::{Method, Response, StatusCode};
use serde::de::DeserializeOwned;
use thiserror::Error;

use crate::clock;

/// Why the orchestrator did not answer what was asked.
#[derive(Debug, Error)]
pub enum Error {
    #[error("the orchestrator at {url} cannot be reached")]
    Unreachable { url: String, source: reqwest::Error },
    #[error("{}", problem.cause)]
    Refused { status: StatusCode, problem: Problem },
    #[error("the orchestrator at {url} answered something else than Millrace does")]
    Foreign { url: String, source: reqwest::Error },
    #[error("{url} answered with status {status}, which is not how an orchestrator refuses")]
    ForeignRefusal { url: String, status: StatusCode },
}

impl Error {
    /// Whether it may be over by itself: nobody answers, or whoever does is stopping, starting or overloaded, an
    /// orchestrator or a proxy before it.
    pub fn passes(&self) -> bool {
        match self {
            Self::Unreachable { .. } => true,
            Self::Refused { status, .. } | Self::ForeignRefusal { status, .. } => {
                status.is_server_error() || *status == StatusCode::TOO_MANY_REQUESTS
            }
            Self::Foreign { .. } => false,
        }
    }

    /// Whether the orchestrator knows no such job: not yet, or not any more.
    pub fn is_job_unknown(&self) -> bool {
        matches!(self, Self::Refused { status: StatusCode::NOT_FOUND, problem } if problem.code == "job-unknown")
    }
}

impl Diagnostic for Error {
    fn code(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } => "orchestrator-unreachable",
            Self::Refused { .. } => "orchestrator-refused",
            Self::Foreign { .. } | Self::ForeignRefusal { .. } => "orchestrator-foreign",
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::Unreachable { .. } => {
                "start it with `millrace orchestrator run`, or name another by `--orchestrator-url`".to_owned()
            }
            Self::Refused { problem, .. } => problem.hint.clone(),
            Self::Foreign { .. } | Self::ForeignRefusal { .. } => {
                "check `--orchestrator-url`: it names the HTTP endpoint, not the one for workers".to_owned()
            }
        }
    }
}

/// One orchestrator, spoken to as one wallet.
pub struct Market {
    http: reqwest::Client,
    base: String,
    key: Option<SigningKey>,
}

impl Market {
    /// Talks to the orchestrator at `base`; requests for private data are signed by `key`.
    pub fn new(base: &str, key: Option<SigningKey>) -> Self {
        let http = reqwest::Client::builder()
            .connect_timeout(Duration::from_secs(5))
            .build()
            .expect("a client without TLS has nothing to load");
        Self { http, base: base.trim_end_matches('/').to_owned(), key }
    }

    pub fn base(&self) -> &str {
        &self.base
    }

    /// # Errors
    /// [`Error`].
    pub async fn network(&self) -> Result<Network, Error> {
        self.json("/v1/network", "").await
    }

    /// # Errors
    /// [`Error`].
    pub async fn nodes(&self) -> Result<Vec<Node>, Error> {
        self.json("/v1/nodes", "").await
    }

    /// # Errors
    /// [`Error`].
    pub async fn jobs(&self, buyer: Address) -> Result<Vec<JobStatus>, Error> {
        self.json("/v1/jobs", &format!("?buyer={buyer}")).await
    }

    /// # Errors
    /// [`Error`].
    pub async fn job(&self, job: Address) -> Result<JobStatus, Error> {
        self.json(&format!("/v1/jobs/{job}"), "").await
    }

    /// # Errors
    /// [`Error`].
    pub async fn placements(&self, job: Address) -> Result<Placements, Error> {
        self.json(&format!("/v1/jobs/{job}/placements"), "").await
    }

    /// # Errors
    /// [`Error`].
    pub async fn auctions(&self, job: Address) -> Result<Vec<Auction>, Error> {
        self.json(&format!("/v1/jobs/{job}/auctions"), "").await
    }

    /// # Errors
    /// [`Error`].
    pub async fn outputs(&self, job: Address) -> Result<Vec<TaskOutputs>, Error> {
        self.json(&format!("/v1/jobs/{job}/outputs"), "").await
    }

    /// Of one task that is not done; none where nothing of it is finished.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn early_outputs(&self, job: Address, task: u32) -> Result<Option<TaskEarlyOutputs>, Error> {
        self.json(&format!("/v1/jobs/{job}/outputs/early"), &format!("?task={task}")).await
    }

    /// Hands what was sealed for a lease's rig to it; returns once the rig has opened and kept it.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn hand_over(&self, job: Address, lease: Address, envelope: Vec<u8>) -> Result<(), Error> {
        let path = format!("/v1/jobs/{job}/sealed/{lease}");
        self.send_with(Method::PUT, &path, "", envelope).await.map(|_| ())
    }

    /// A task's log from a byte offset on; empty when there is nothing new.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn log(&self, job: Address, task: u32, from: u64) -> Result<Vec<u8>, Error> {
        let path = format!("/v1/jobs/{job}/logs");
        let response = self.send(Method::GET, &path, &format!("?task={task}&from={from}")).await?;
        let bytes = response.bytes().await.map_err(|source| self.broken_off(source))?;
        Ok(bytes.to_vec())
    }

    async fn json<T: DeserializeOwned>(&self, path: &str, query: &str) -> Result<T, Error> {
        let response = self.send(Method::GET, path, query).await?;
        response.json().await.map_err(|source| self.broken_off(source))
    }

    async fn send(&self, method: Method, path: &str, query: &str) -> Result<Response, Error> {
        self.send_with(method, path, query, Vec::new()).await
    }

    async fn send_with(&self, method: Method, path: &str, query: &str, body: Vec<u8>) -> Result<Response, Error> {
        let mut request = self.http.request(method.clone(), format!("{}{path}{query}", self.base)).body(body);
        if let Some(key) = &self.key {
            request = request.header("Authorization", auth::authorization(key, method.as_str(), path, clock::now()));
        }
        let response = request.send().await.map_err(|source| Error::Unreachable { url: self.base.clone(), source })?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        match response.json::<Problem>().await {
            Ok(problem) => Err(Error::Refused { status, problem }),
            Err(_) => Err(Error::ForeignRefusal { url: self.base.clone(), status }),
        }
    }

    fn broken_off(&self, source: reqwest::Error) -> Error {
        let url = self.base.clone();
        if source.is_decode() { Error::Foreign { url, source } } else { Error::Unreachable { url, source } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16, code: &str) -> Error {
        let problem = Problem { code: code.to_owned(), cause: String::new(), hint: String::new() };
        Error::Refused { status: StatusCode::from_u16(status).unwrap(), problem }
    }

    fn foreign(status: u16) -> Error {
        Error::ForeignRefusal { url: String::new(), status: StatusCode::from_u16(status).unwrap() }
    }

    #[test]
    fn a_restart_and_a_proxy_without_anything_behind_it_pass_and_a_refusal_does_not() {
        for error in [refused(503, "orchestrator-stopping"), refused(507, "disk-full"), foreign(502), foreign(429)] {
            assert!(error.passes(), "{error:?}");
        }
        for error in [refused(403, "not-the-buyer"), refused(404, "job-unknown"), foreign(404)] {
            assert!(!error.passes(), "{error:?}");
        }
    }

    #[test]
    fn a_job_is_unknown_by_the_code_alone() {
        assert!(refused(404, "job-unknown").is_job_unknown());
        for error in [refused(404, "route-unknown"), refused(503, "job-unknown"), foreign(404)] {
            assert!(!error.is_job_unknown(), "{error:?}");
        }
    }
}
