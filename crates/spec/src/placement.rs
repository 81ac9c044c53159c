use std::fmt;
use std::str::FromStr;

use millrace_protocol::{Address, JobTerms};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Error, Shape, Version};

/// A country by its ISO 3166-1 alpha-2 code, upper case.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Country(pub [u8; 2]);

/// What a buyer asks of a placement that the chain does not enforce. In a spec only what is not the default
/// is written, so that a job that asks for nothing has the one form it always had.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Placement {
    /// Whether nodes bid for its leases in sealed auctions, and the best bid's price is paid.
    #[serde(default, skip_serializing_if = "is_false")]
    pub auction: bool,
    /// Empty accepts every country.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub countries: Vec<Country>,
    /// No nodes of these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub denied_providers: Vec<Address>,
    /// Whether each live lease of the job must be with another provider.
    #[serde(default, skip_serializing_if = "is_false")]
    pub different_providers: bool,
    /// Nodes that tell no version of theirs have none.
    #[serde(default, skip_serializing_if = "Version::is_none")]
    pub minimum_cuda: Version,
    #[serde(default, skip_serializing_if = "Version::is_none")]
    pub minimum_driver: Version,
    /// Orders the jobs of one buyer, the highest first.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub priority: u8,
    /// Only nodes of these; empty accepts every provider.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub providers: Vec<Address>,
}

/// Providers or countries in one list; more would make each look at a node long.
const MOST_NAMED: usize = 64;

impl Placement {
    /// # Errors
    /// [`Error::Field`].
    pub(crate) fn check(&self, shape: Option<&Shape>, terms: &JobTerms) -> Result<(), Error> {
        let field = |field, value: String, expected| Err(Error::Field { field, value, expected });
        if self == &Self::default() {
            return field("placement", "empty".to_owned(), "left out where nothing is asked");
        }
        if self.auction && (shape.is_some() || terms.spot) {
            let expected = "left out for gangs, services and spot leases: those are taken at posted prices";
            return field("placement.auction", "true".to_owned(), expected);
        }
        if !is_a_set(&self.countries) {
            return field("placement.countries", joined(&self.countries), "at most 64, sorted and each once");
        }
        for (name, list) in
            [("placement.providers", &self.providers), ("placement.denied_providers", &self.denied_providers)]
        {
            if !is_a_set(list) {
                return field(name, joined(list), "at most 64, sorted and each once");
            }
        }
        if let Some(both) = self.providers.iter().find(|provider| self.denied_providers.contains(provider)) {
            return field("placement.denied_providers", both.to_string(), "other providers than `placement.providers`");
        }
        Ok(())
    }
}

fn is_a_set<T: Ord>(list: &[T]) -> bool {
    list.len() <= MOST_NAMED && list.is_sorted_by(|one, next| one < next)
}

fn joined<T: ToString>(list: &[T]) -> String {
    list.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands over references")]
fn is_false(value: &bool) -> bool {
    !value
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands over references")]
fn is_zero(value: &u8) -> bool {
    *value == 0
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|letter| write!(f, "{}", char::from(*letter)))
    }
}

impl fmt::Debug for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Not two capital letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a country's two capital letters")]
pub struct CountryError;

impl FromStr for Country {
    type Err = CountryError;

    fn from_str(text: &str) -> Result<Self, CountryError> {
        let letters: [u8; 2] = text.as_bytes().try_into().map_err(|_| CountryError)?;
        if letters.iter().all(u8::is_ascii_uppercase) { Ok(Self(letters)) } else { Err(CountryError) }
    }
}

impl Serialize for Country {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Country {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}
