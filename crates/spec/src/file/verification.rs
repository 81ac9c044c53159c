use millrace_protocol::{Address, HardwareClass, Verification};

use super::document;
use super::wrong;
use crate::Error;
use crate::quantity::parse_share;

/// Policies by name.
const POLICIES: &str = "`attested`, `spot-check`, `quorum` or `attested-hardware`";

/// The policy that `[verification]` asks for.
///
/// # Errors
/// [`Error::Field`].
pub(super) fn verification(document: &document::Verification) -> Result<Verification, Error> {
    let policy = document.policy.as_deref().unwrap_or("attested");
    let foreign: [(&'static str, bool, &'static str); 4] = [
        (
            "verification.share",
            document.share.is_some() && policy != "spot-check",
            "left out: only `spot-check` has it",
        ),
        ("verification.needed", document.needed.is_some() && policy != "quorum", "left out: only `quorum` has it"),
        ("verification.size", document.size.is_some() && policy != "quorum", "left out: only `quorum` has it"),
        (
            "verification.hardware",
            document.hardware.is_some() && policy != "attested-hardware",
            "left out: only `attested-hardware` has it",
        ),
    ];
    if let Some((field, _, expected)) = foreign.into_iter().find(|(_, is_foreign, _)| *is_foreign) {
        return Err(wrong(field, "set", expected));
    }
    let verification = match policy {
        "attested" => Verification::Attested,
        "spot-check" => {
            let text = document.share.as_deref().unwrap_or("10%");
            let share = parse_share(text).ok_or_else(|| wrong("verification.share", text, SHARE))?;
            Verification::SpotCheck { share }
        }
        "quorum" => Verification::Quorum { needed: document.needed.unwrap_or(2), size: document.size.unwrap_or(3) },
        "attested-hardware" => {
            let text = document.hardware.as_deref().unwrap_or("challenged");
            let class = match text {
                "challenged" => HardwareClass::Challenged,
                "enclave" => HardwareClass::Enclave,
                _ => return Err(wrong("verification.hardware", text, "`challenged` or `enclave`")),
            };
            Verification::AttestedHardware { class }
        }
        _ => return Err(wrong("verification.policy", policy, POLICIES)),
    };
    let bound = match verification {
        Verification::SpotCheck { share } => wrong("verification.share", &format!("{} bps", share.0), SHARE),
        Verification::Quorum { needed, size } => wrong("verification.size", &format!("{needed} of {size}"), QUORUM),
        Verification::Attested | Verification::AttestedHardware { .. } => return Ok(verification),
    };
    verification.check().map(|()| verification).map_err(|_| bound)
}

const SHARE: &str = "a share from `0.01%` to `100%`";
const QUORUM: &str = "2 to 7 leases, of which more than half, and at least 2, are `needed`";

/// Who signs vouchers, where it is not the network's scheduler.
///
/// # Errors
/// [`Error::Field`].
pub(super) fn attestor(document: &document::Verification) -> Result<Option<Address>, Error> {
    let parse = |text: &String| text.parse().map_err(|_| wrong("verification.attestor", text, "an address in base58"));
    document.attestor.as_ref().map(parse).transpose()
}
