//! What exists on the network before anybody uses it: the program and the test USDC.

use millrace_protocol::PROGRAM_ID;
use serde_json::{Value, json};
use solana_signer::Signer;
use surfpool_sdk::Surfnet;
use surfpool_sdk::cheatcodes::builders::{CheatcodeBuilder, SetAccount};

use crate::Error;
use crate::keys;

/// The token program that owns the mint.
const TOKEN_PROGRAM: &str = "TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA";
/// Digits after the point, as the real USDC has.
const DECIMALS: u8 = 6;
/// What an account of 82 bytes must hold so as not to be collected.
const MINT_RENT_LAMPORTS: u64 = 1_461_600;

/// Blocking: loads `program` under its fixed address, with the admin as its upgrade authority,
/// and makes the mint.
pub(crate) fn write(surfnet: &Surfnet, program: &[u8]) -> Result<(), Error> {
    let cheats = surfnet.cheatcodes();
    cheats.execute(WriteProgram(program)).map_err(|error| Error::Genesis(error.into()))?;
    cheats.execute(mint()).map_err(|error| Error::Genesis(error.into()))
}

/// The request of the network that the SDK has a builder for only without the authority.
struct WriteProgram<'a>(&'a [u8]);

impl CheatcodeBuilder for WriteProgram<'_> {
    const METHOD: &'static str = "surfnet_writeProgram";

    fn build(self) -> Value {
        let offset = 0;
        json!([PROGRAM_ID, hex::encode(self.0), offset, keys::admin().pubkey().to_string()])
    }
}

fn mint() -> SetAccount {
    let mut data = Vec::with_capacity(82);
    data.extend(1u32.to_le_bytes()); // there is a mint authority
    data.extend(keys::faucet().pubkey().to_bytes());
    data.extend(0u64.to_le_bytes()); // supply
    data.push(DECIMALS);
    data.push(1); // initialised
    data.extend([0; 36]); // no freeze authority
    SetAccount::new(keys::usdc().pubkey().to_bytes().into())
        .lamports(MINT_RENT_LAMPORTS)
        .owner(surfpool_sdk::Pubkey::from_str_const(TOKEN_PROGRAM))
        .data(data)
}
