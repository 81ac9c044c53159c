//! Values of flags as the config file writes them: under the same rules as on the command line.

use std::net::SocketAddr;
use std::time::Duration;

use millrace_protocol::BasisPoints;
use millrace_worker::SimulatedGpu;
use serde::de::{Deserialize, Deserializer, Error};

use super::worker::{parse_host, parse_registry, parse_simulated_gpu};
use super::{parse_basis_points, parse_duration, parse_listen, parse_mebibytes};

type Parser<T> = fn(&str) -> Result<T, String>;

fn one<'de, D: Deserializer<'de>, T>(value: D, parse: Parser<T>) -> Result<Option<T>, D::Error> {
    parse(&String::deserialize(value)?).map(Some).map_err(D::Error::custom)
}

fn many<'de, D: Deserializer<'de>, T>(value: D, parse: Parser<T>) -> Result<Vec<T>, D::Error> {
    Vec::<String>::deserialize(value)?.iter().map(|text| parse(text).map_err(D::Error::custom)).collect()
}

pub fn duration<'de, D: Deserializer<'de>>(value: D) -> Result<Option<Duration>, D::Error> {
    one(value, parse_duration)
}

pub fn mebibytes<'de, D: Deserializer<'de>>(value: D) -> Result<Option<u32>, D::Error> {
    one(value, parse_mebibytes)
}

pub fn listen<'de, D: Deserializer<'de>>(value: D) -> Result<Option<SocketAddr>, D::Error> {
    one(value, parse_listen)
}

pub fn host<'de, D: Deserializer<'de>>(value: D) -> Result<Option<String>, D::Error> {
    one(value, parse_host)
}

/// A bare number, as a share has no unit.
pub fn basis_points<'de, D: Deserializer<'de>>(value: D) -> Result<Option<BasisPoints>, D::Error> {
    let number = u64::deserialize(value)?;
    parse_basis_points(&number.to_string()).map(Some).map_err(D::Error::custom)
}

pub fn registries<'de, D: Deserializer<'de>>(value: D) -> Result<Vec<String>, D::Error> {
    many(value, parse_registry)
}

pub fn simulated_gpus<'de, D: Deserializer<'de>>(value: D) -> Result<Vec<SimulatedGpu>, D::Error> {
    many(value, parse_simulated_gpu)
}
