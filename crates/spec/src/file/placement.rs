use std::collections::BTreeSet;
use std::str::FromStr;

use super::{document, wrong};
use crate::{Error, Placement};

/// What is asked of nodes beside the terms; none where nothing is. Lists may come in any order.
///
/// # Errors
/// [`Error::Field`].
pub(super) fn placement(document: &document::Placement) -> Result<Option<Placement>, Error> {
    const ADDRESS: &str = "addresses in base58";
    let placement = Placement {
        auction: document.auction,
        countries: set("placement.countries", &document.countries, "countries such as `DE`, in capital letters")?,
        denied_providers: set("placement.denied_providers", &document.denied_providers, ADDRESS)?,
        different_providers: document.different_providers,
        priority: document.priority,
        providers: set("placement.providers", &document.providers, ADDRESS)?,
    };
    Ok(Some(placement).filter(|placement| *placement != Placement::default()))
}

fn set<T: FromStr + Ord>(field: &'static str, list: &[String], expected: &'static str) -> Result<Vec<T>, Error> {
    let parsed: Result<BTreeSet<T>, Error> =
        list.iter().map(|text| text.parse().map_err(|_| wrong(field, text, expected))).collect();
    Ok(parsed?.into_iter().collect())
}
