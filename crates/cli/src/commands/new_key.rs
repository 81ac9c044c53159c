use std::path::PathBuf;

use millrace_client::{Keypair, keys};
use millrace_protocol::Address;
use serde::Serialize;
use serde_json::Value;

use crate::args::NewKey;
use crate::context::{Context, address};
use crate::errors::Failure;
use crate::output::{self, Report, Style};

#[derive(Serialize)]
struct Made {
    address: Address,
    path: PathBuf,
    /// Whether commands sign with it without being told to.
    is_configured: bool,
}

impl Report for Made {
    fn json(&self) -> Value {
        output::value(self)
    }

    fn human(&self, style: Style) -> String {
        format!(
            "{}\naddress  {}\nfile     {}  (whoever has it has what the key owns: keep a copy, show it to nobody)",
            style.good("key made"),
            self.address,
            self.path.display()
        )
    }

    fn next(&self) -> Vec<String> {
        let mut next =
            vec![format!("millrace localnet up --fund {}=1000  (SOL and test USDC, on a local chain)", self.address)];
        if !self.is_configured {
            let path = self.path.display();
            next.push(format!(
                "millrace --keypair {path} <COMMAND>  (or MILLRACE_KEYPAIR={path}: sign and pay with it)"
            ));
        }
        next
    }
}

/// Makes a key.
///
/// # Errors
/// A file that exists already, a folder that cannot be written to.
pub fn run(context: &Context<'_>, args: NewKey) -> Result<(), Failure> {
    let key = Keypair::new();
    keys::save(&args.path, &key)?;
    let is_configured = args.path == context.settings.keypair.value;
    context.output.report(&Made { address: address(&key), path: args.path, is_configured });
    Ok(())
}
