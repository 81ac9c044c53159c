use std::collections::BTreeMap;
use std::fmt;

use millrace_spec::ObjectRef;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::DataKey;

/// Bytes that all secret files of a job may have together.
pub const LARGEST_FILES: usize = 64 * 1024;

/// What a lease's rig gets to know. Shows nothing of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Secrets {
    /// By name under `/run/secrets`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub files: BTreeMap<String, SecretBytes>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inputs: Option<InputKey>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registry: Option<RegistryLogin>,
}

/// How encrypted inputs are read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputKey {
    pub key: DataKey,
    /// What each input is once it is decrypted, by path under `/inputs`.
    pub plain: BTreeMap<String, ObjectRef>,
}

/// For one registry, and sent to no other.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegistryLogin {
    /// As image names have it, such as `registry.example:5000`.
    pub host: String,
    pub username: String,
    pub password: String,
}

impl fmt::Debug for RegistryLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RegistryLogin for {}", self.host)
    }
}

/// Bytes that show nothing but their number.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretBytes(pub Vec<u8>);

impl fmt::Debug for SecretBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} secret bytes", self.0.len())
    }
}

impl Serialize for SecretBytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex::encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for SecretBytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        // The error would tell a letter of what is secret.
        hex::decode(text).map(Self).map_err(|_| serde::de::Error::custom("not hexadecimal"))
    }
}

impl Serialize for DataKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.expose())
    }
}

impl<'de> Deserialize<'de> for DataKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("not an age identity"))
    }
}
