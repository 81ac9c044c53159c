use std::collections::BTreeSet;
use std::str::FromStr;

use super::{document, wrong};
use crate::{Error, Placement, Version};

/// What is asked of nodes beside the terms; none where nothing is. Lists may come in any order.
///
/// # Errors
/// [`Error::Field`].
pub(super) fn placement(document: &document::Placement) -> Result<Option<Placement>, Error> {
    const ADDRESS: &str = "addresses in base58";
    const CUDA: &str = "a version such as `12.4`, of which nodes tell no third part; left out where any will do";
    const DRIVER: &str = "a version such as `550.54`, of which nodes tell no third part; left out where any will do";
    let placement = Placement {
        auction: document.auction,
        countries: set("placement.countries", &document.countries, "countries such as `DE`, in capital letters")?,
        denied_providers: set("placement.denied_providers", &document.denied_providers, ADDRESS)?,
        different_providers: document.different_providers,
        minimum_cuda: version("placement.minimum_cuda", document.minimum_cuda.as_deref(), CUDA)?,
        minimum_driver: version("placement.minimum_driver", document.minimum_driver.as_deref(), DRIVER)?,
        priority: document.priority,
        providers: set("placement.providers", &document.providers, ADDRESS)?,
    };
    Ok(Some(placement).filter(|placement| *placement != Placement::default()))
}

fn version(field: &'static str, text: Option<&str>, expected: &'static str) -> Result<Version, Error> {
    let Some(text) = text else { return Ok(Version::NONE) };
    text.parse().ok().filter(|version: &Version| !version.is_none()).ok_or_else(|| wrong(field, text, expected))
}

fn set<T: FromStr + Ord>(field: &'static str, list: &[String], expected: &'static str) -> Result<Vec<T>, Error> {
    let parsed: Result<BTreeSet<T>, Error> =
        list.iter().map(|text| text.parse().map_err(|_| wrong(field, text, expected))).collect();
    Ok(parsed?.into_iter().collect())
}
