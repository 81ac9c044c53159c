use std::path::PathBuf;

use millrace_client::keys;
use millrace_protocol::Address;
use serde::Serialize;
use serde_json::Value;

use crate::args::ShowKey;
use crate::context::{Context, address};
use crate::errors::Failure;
use crate::output::{self, Report, Style};

#[derive(Serialize)]
struct Shown {
    address: Address,
    path: PathBuf,
}

impl Report for Shown {
    fn json(&self) -> Value {
        output::value(self)
    }

    /// The address alone, so that it can stand in other commands: `--scheduler $(millrace key show …)`.
    fn human(&self, _style: Style) -> String {
        self.address.to_string()
    }

    fn next(&self) -> Vec<String> {
        Vec::new()
    }
}

/// Shows a key's address.
///
/// # Errors
/// A key file that is missing or is none.
pub fn run(context: &Context<'_>, args: ShowKey) -> Result<(), Failure> {
    let path = args.path.unwrap_or_else(|| context.settings.keypair.value.clone());
    let key = keys::load(&path)?;
    context.output.report(&Shown { address: address(&key), path });
    Ok(())
}
