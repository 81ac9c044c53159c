use std::io;
use std::net::IpAddr;
use std::time::Duration;

use millrace_agent::{Cause, Failure};
use millrace_spec::registry_of;
use tokio::net::lookup_host;
use tokio::time::timeout;

use crate::near::Routes;

/// How long a name may take to look up.
const PATIENCE: Duration = Duration::from_secs(5);
/// Docker's own, under both of its names: the engine knows by itself where it is.
const DOCKERS: [&str; 2] = ["docker.io", "index.docker.io"];
const HTTPS: u16 = 443;

/// Which registries the engine may be sent to. It asks from outside of the fence around jobs, so an image's name must
/// not lead it to the rig's own networks.
#[derive(Debug)]
pub(crate) struct Registries {
    /// Those near the rig that its owner has named, with or without a port.
    named: Vec<String>,
}

impl Registries {
    pub fn new(named: Vec<String>) -> Self {
        Self { named }
    }

    /// # Errors
    /// [`Cause::RegistryForbidden`]; [`Cause::PullFailed`] where nobody knows the registry's host.
    pub async fn check(&self, image: &str) -> Result<(), Failure> {
        let registry = registry_of(image);
        if DOCKERS.contains(&registry) || self.is_named(registry) {
            return Ok(());
        }
        let Ok(addresses) = addresses(registry).await else {
            return Err(Failure::new(Cause::PullFailed, format!("{image}: nobody knows the host `{registry}`")));
        };
        let routes = Routes::read();
        if addresses.is_empty() || addresses.into_iter().any(|address| routes.is_near(address)) {
            return Err(Failure::new(Cause::RegistryForbidden, format!("{image}: `{registry}` is near the rig")));
        }
        Ok(())
    }

    fn is_named(&self, registry: &str) -> bool {
        let (host, _) = split(registry);
        self.named.iter().any(|named| named.eq_ignore_ascii_case(registry) || named.eq_ignore_ascii_case(host))
    }
}

/// Host, and port where one is named.
fn split(registry: &str) -> (&str, Option<u16>) {
    let port = registry.rsplit_once(':').filter(|(host, _)| !host.contains(':') || host.ends_with(']'));
    match port {
        Some((host, port)) => (host, port.parse().ok()),
        None => (registry, None),
    }
}

async fn addresses(registry: &str) -> io::Result<Vec<IpAddr>> {
    let (host, port) = split(registry);
    let host = host.trim_start_matches('[').trim_end_matches(']');
    // As the engine does: with the rig's own resolver, which knows names that the internet does not.
    let found = timeout(PATIENCE, lookup_host((host, port.unwrap_or(HTTPS)))).await??;
    Ok(found.map(|address| address.ip()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn refusal(named: &[&str], image: &str) -> Option<Cause> {
        let registries = Registries::new(named.iter().map(|named| (*named).to_owned()).collect());
        registries.check(image).await.err().map(|failure| failure.cause)
    }

    #[tokio::test]
    async fn an_images_name_leads_to_nothing_near_the_rig() {
        for image in [
            "127.0.0.1:5000/a",
            "localhost/a",
            "localhost:5000/a:1",
            "192.168.1.1:443/x",
            "169.254.169.254/latest/meta-data",
            "10.0.0.1/a@sha256:00",
            "[::1]:5000/a",
            // In other spellings, which the resolver understands.
            "127.1:80/a",
            "2130706433:80/a",
            "0x7f000001:80/a",
            "LOCALHOST/a",
        ] {
            assert_eq!(refusal(&[], image).await, Some(Cause::RegistryForbidden), "{image}");
        }
        assert_eq!(Cause::RegistryForbidden.fault(), millrace_agent::Fault::Buyer);
        for image in ["alpine", "a/b:1", "docker.io/a/b", "index.docker.io/a", "1.1.1.1/a", "1.1.1.1:5000/a"] {
            assert_eq!(refusal(&[], image).await, None, "{image}");
        }
    }

    #[tokio::test]
    async fn a_host_that_nobody_knows_is_not_asked_for_anything() {
        assert_eq!(refusal(&[], "no-such-host.invalid/a").await, Some(Cause::PullFailed));
    }

    #[tokio::test]
    async fn the_rigs_owner_may_name_registries_of_its_own() {
        for (named, image) in [
            ("127.0.0.1:5000", "127.0.0.1:5000/a"),
            ("127.0.0.1", "127.0.0.1:5000/a"),
            ("[::1]", "[::1]:5000/a"),
            ("localhost", "localhost/a"),
        ] {
            assert_eq!(refusal(&[named], image).await, None, "{named} {image}");
        }
        for (named, image) in
            [("127.0.0.1:5000", "127.0.0.1:5001/a"), ("127.0.0.1:5000", "127.0.0.1/a"), ("10.0.0.1", "10.0.0.11/a")]
        {
            assert_eq!(refusal(&[named], image).await, Some(Cause::RegistryForbidden), "{named} {image}");
        }
    }
}
