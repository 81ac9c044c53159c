use millrace_client::accounts::NodeAccount;
use millrace_client::instructions::{self, Offer};
use millrace_protocol::{
    Address, Diagnostic, Error as Rule, Hardware, HardwareClass, PricePerGpuHour, ServiceLevel, region,
};
use serde::Serialize;
use serde_json::Value;
use thiserror::Error;

use crate::args::UpdateNode;
use crate::context::{Context, address};
use crate::errors::Failure;
use crate::output::{self, Report, Style};
use crate::views::change::Change;
use crate::{rigs, views};

#[derive(Debug, Error)]
#[error("nothing is named that is to change")]
struct NothingNamed;

impl Diagnostic for NothingNamed {
    fn code(&self) -> &'static str {
        "usage"
    }

    fn hint(&self) -> String {
        "name it, such as `--price 0.35`; `millrace node update --help` lists what can change".to_owned()
    }
}

#[derive(Serialize)]
struct Updated {
    node: Address,
    hardware: Change<Hardware>,
    /// As major * 1000 + minor.
    driver: Change<u32>,
    /// As major * 1000 + minor.
    cuda: Change<u32>,
    price: Change<PricePerGpuHour>,
    /// Zero takes no spot leases.
    spot_price: Change<PricePerGpuHour>,
    service_level: Change<ServiceLevel>,
    /// Whether the network had attested the hardware, and has to again.
    attestation_ended: bool,
    transaction: Option<String>,
}

impl Updated {
    fn new(found: &NodeAccount, offer: &Offer, transaction: Option<String>) -> Self {
        let before = Offer::of(found);
        let described = (before.hardware, before.software) != (offer.hardware, offer.software);
        Self {
            node: found.address,
            hardware: Change { before: before.hardware, after: offer.hardware },
            driver: Change { before: before.software.driver, after: offer.software.driver },
            cuda: Change { before: before.software.cuda, after: offer.software.cuda },
            price: Change { before: before.price, after: offer.price },
            spot_price: Change { before: before.spot_price, after: offer.spot_price },
            service_level: Change { before: before.service_level, after: offer.service_level },
            attestation_ended: described && found.node.attestation.class > HardwareClass::Claimed,
            transaction,
        }
    }

    /// What differs, in words and with its unit.
    fn changes(&self) -> impl Iterator<Item = (&'static str, String)> {
        let Change { before: old, after: new } = self.hardware;
        let memory = |mebibytes: u32| format!("{mebibytes} MiB");
        let spot = |price: PricePerGpuHour| match price {
            PricePerGpuHour::ZERO => "none".to_owned(),
            _ => price.to_string(),
        };
        let gpus = |hardware: &Hardware| views::node::hardware(hardware);
        let place = |hardware: &Hardware| {
            let region = region::slug(hardware.region).unwrap_or("unknown region");
            format!("{region} {}", String::from_utf8_lossy(&hardware.country))
        };
        let level = views::node::service_level;
        let both = |name, before, after| (name, Change { before, after });
        let all = [
            both("price", self.price.before.to_string(), self.price.after.to_string()),
            both("spot price", spot(self.spot_price.before), spot(self.spot_price.after)),
            both("service level", level(self.service_level.before), level(self.service_level.after)),
            both("GPUs", gpus(&old), gpus(&new)),
            both("memory of a GPU", memory(old.vram_mib), memory(new.vram_mib)),
            both("CPU cores", old.cpu_cores.to_string(), new.cpu_cores.to_string()),
            both("main memory", memory(old.memory_mib), memory(new.memory_mib)),
            both("disk", memory(old.disk_mib), memory(new.disk_mib)),
            both("place", place(&old), place(&new)),
            both("driver", views::node::version(self.driver.before), views::node::version(self.driver.after)),
            both("CUDA", views::node::version(self.cuda.before), views::node::version(self.cuda.after)),
        ];
        all.into_iter()
            .filter(|(_, change)| change.before != change.after)
            .map(|(name, change)| (name, change.to_string()))
    }
}

impl Report for Updated {
    fn json(&self) -> Value {
        output::value(self)
    }

    fn human(&self, style: Style) -> String {
        let headline = match self.transaction {
            Some(_) => "changed for every further lease",
            None => "nothing to change",
        };
        let mut rows = vec![("node", self.node.to_string())];
        rows.extend(self.changes());
        if self.attestation_ended {
            rows.push(("attestation", style.warn("ended: the hardware has to be attested anew")));
        }
        rows.push(("transaction", views::transaction(self.transaction.as_ref())));
        format!("{}\n{}", style.good(headline), output::rows(rows))
    }

    fn next(&self) -> Vec<String> {
        match self.transaction {
            // A worker reads its node when it starts.
            Some(_) => vec![
                "sudo systemctl restart millrace-worker  (on the rig, which goes by what its node offered when its \
                 worker started; its leases go on)"
                    .to_owned(),
            ],
            None => vec!["millrace node list".to_owned()],
        }
    }
}

/// Changes what a node asks for further leases, and how it is described.
///
/// # Errors
/// A description that contradicts itself, or of a rig that is leased; no price; a node that does not exist or
/// is another provider's; an RPC endpoint that cannot be reached.
pub async fn run(context: &Context<'_>, args: UpdateNode) -> Result<(), Failure> {
    if args.is_empty() {
        return Err(Failure::usage(&NothingNamed));
    }
    let owner = context.keypair()?;
    let wallet = address(&owner);
    let found = rigs::of_owner(&context.client(), wallet, args.node).await?;
    let offer = offer(&args, &found).map_err(|error| Failure::usage(&error))?;
    check(&found, &offer)?;
    let mut transaction = None;
    if offer != Offer::of(&found) {
        let receipt = context.send(&instructions::update_node(wallet, &found, offer), &owner).await?;
        transaction = Some(receipt.signature.to_string());
    }
    context.output.report(&Updated::new(&found, &offer, transaction));
    Ok(())
}

/// What is offered at present, but for what is named.
fn offer(args: &UpdateNode, found: &NodeAccount) -> Result<Offer, rigs::Error> {
    let mut offer = Offer::of(found);
    let set = |place: &mut u32, named: Option<u32>| *place = named.unwrap_or(*place);
    offer.price = args.price.unwrap_or(offer.price);
    offer.spot_price = args.spot_price.unwrap_or(offer.spot_price);
    offer.service_level = args.service_level.map_or(offer.service_level, ServiceLevel::from);
    set(&mut offer.software.driver, args.driver);
    set(&mut offer.software.cuda, args.cuda);
    let hardware = &mut offer.hardware;
    set(&mut hardware.vram_mib, args.vram);
    set(&mut hardware.memory_mib, args.memory);
    set(&mut hardware.disk_mib, args.disk);
    hardware.gpu_count = args.gpus.unwrap_or(hardware.gpu_count);
    hardware.cpu_cores = args.cpus.unwrap_or(hardware.cpu_cores);
    if let Some(model) = &args.gpu {
        hardware.gpu_class = rigs::gpu_class(model)?;
    }
    if let Some(name) = &args.region {
        hardware.region = rigs::region(name)?;
    }
    if let Some(code) = &args.country {
        hardware.country = rigs::country(code)?;
    }
    Ok(offer)
}

/// The chain's own rules, so that a hopeless transaction is not paid for.
fn check(found: &NodeAccount, offer: &Offer) -> Result<(), Rule> {
    if offer.price == PricePerGpuHour::ZERO {
        return Err(Rule::AmountZero);
    }
    { found.node }.describe(offer.hardware)
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use millrace_protocol::GpuUnits;

    use super::*;
    use crate::args::{Cli, Command, NodeCommand};
    use crate::commands::list_nodes::tests::account;

    fn asked(flags: &[&str]) -> UpdateNode {
        let node = Address([7; 32]).to_string();
        let words = ["millrace", "node", "update", &node];
        match Cli::try_parse_from(words.iter().chain(flags)).unwrap().command {
            Command::Node(NodeCommand::Update(args)) => args,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_is_not_named_stays() {
        let found = account(0);
        let after = offer(&asked(&["--price", "0.35"]), &found).unwrap();
        assert_eq!(after, Offer { price: PricePerGpuHour(350_000), ..Offer::of(&found) });
        let after = offer(&asked(&["--gpu", "rtx-3090", "--memory", "128GiB", "--country", "at"]), &found).unwrap();
        let hardware = Hardware {
            gpu_class: rigs::gpu_class("rtx-3090").unwrap(),
            memory_mib: 131_072,
            country: *b"AT",
            ..found.node.hardware
        };
        assert_eq!(after, Offer { hardware, ..Offer::of(&found) });
        assert!(offer(&asked(&["--region", "atlantis"]), &found).is_err());
    }

    #[test]
    fn the_chains_rules_come_before_the_transaction() {
        let mut found = account(0);
        let after = |flags: &[&str]| offer(&asked(flags), &account(0)).unwrap();
        assert_eq!(check(&found, &after(&["--price", "0"])), Err(Rule::AmountZero));
        assert_eq!(check(&found, &after(&["--gpus", "0"])), Err(Rule::HardwareInvalid));
        assert_eq!(check(&found, &after(&["--gpus", "4"])), Ok(()));
        found.node.leased = GpuUnits(1);
        assert_eq!(check(&found, &after(&["--gpus", "4"])), Err(Rule::NodeBusy));
        assert_eq!(check(&found, &after(&["--price", "0.10"])), Ok(()));
    }

    #[test]
    fn what_changed_is_told_and_what_it_ends() {
        let mut found = account(0);
        found.node.attestation.class = HardwareClass::Challenged;
        let flags = ["--price", "0.35", "--spot-price", "0.20", "--memory", "128GiB", "--driver", "575.51"];
        let after = offer(&asked(&flags), &found).unwrap();
        let updated = Updated::new(&found, &after, Some("4xY".to_owned()));
        insta::assert_snapshot!(updated.human(Style::plain()));
        let cheaper = offer(&asked(&["--price", "0.35"]), &found).unwrap();
        assert!(!Updated::new(&found, &cheaper, None).attestation_ended);
        let same = Updated::new(&found, &Offer::of(&found), None);
        insta::assert_snapshot!(same.human(Style::plain()));
        assert!(asked(&[]).is_empty() && !asked(&["--cuda", "12.8"]).is_empty());
    }
}
