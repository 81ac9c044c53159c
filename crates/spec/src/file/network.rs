use super::document::Network;
use super::wrong;
use crate::{Destination, Error};

/// Whether there is a network, and where to; nowhere in particular for all of the internet.
///
/// # Errors
/// [`Error::Field`].
pub(super) fn network(network: &Network) -> Result<(bool, Vec<Destination>), Error> {
    const EXPECTED: &str = "`true`, `false` or a list of destinations such as `api.example.com:443`";
    let texts = match network {
        Network::Switch(network) => return Ok((*network, Vec::new())),
        Network::Only(texts) if texts.is_empty() => return Err(wrong("network", "[]", EXPECTED)),
        Network::Only(texts) => texts,
    };
    let parse = |text: &String| text.parse().map_err(|_| wrong("network", text, EXPECTED));
    let mut egress = texts.iter().map(parse).collect::<Result<Vec<Destination>, _>>()?;
    egress.sort_by_cached_key(ToString::to_string);
    egress.dedup();
    Ok((true, egress))
}
