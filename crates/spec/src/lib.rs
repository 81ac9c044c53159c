//! What a buyer asks for. [`JobFile`] is what people write (TOML, local paths, `"8GiB"`),
//! [`JobSpec`] is what the network runs (canonical JSON, content hashes, plain numbers); its
//! SHA-256 is the spec hash on chain.

mod after;
mod auction;
mod checkpoint;
mod command;
mod early_outputs;
mod egress;
mod error;
mod file;
mod job_spec;
mod manifest;
mod object_ref;
mod placement;
mod quantity;
mod retry;
mod runtime;
mod sealed;
mod shape;
mod version;

pub mod merkle;

pub use after::{After, Condition};
pub use auction::{Bid, BidSignature, SignedBid};
pub use checkpoint::Checkpointing;
pub use command::words_for_task;
pub use early_outputs::EarlyOutputs;
pub use egress::{Destination, DestinationError, Host};
pub use error::Error;
pub use file::{JobFile, RegistryFiles};
pub use job_spec::{JobSpec, Limits};
pub use manifest::{Manifest, ManifestFile};
pub use object_ref::{ObjectRef, Sha256, sha256};
pub use placement::{Country, CountryError, Placement};
pub use retry::Retry;
pub use runtime::Runtime;
pub use sealed::{Sealed, registry_of};
pub use shape::{Gang, Locality, Restart, Service, Shape};
pub use version::{Version, VersionError};
