//! What the driver's tests begin with.

use std::sync::Arc;

use millrace_client::{Client, Endpoints, Keypair, Sender};
use millrace_protocol::{
    Address, GpuUnits, JobTerms, MicroUsdc, Parameters, Payment, PricePerGpuHour, Requirements, Seconds, ServiceLevel,
    UnixSeconds, Verification, transitions,
};
use millrace_scheduler::{Core, DrawSecret, JobView, Now, Record, Settings, Weights};
use millrace_spec::Sha256;
use tempfile::TempDir;
use tokio::sync::oneshot;

use super::{Driver, Inbox, Parts};
use crate::chain::Chain;
use crate::clock::Clock;
use crate::logs::Logs;
use crate::objects::Objects;
use crate::signer::Signer;
use crate::store::Store;

pub(super) const NOW: Now = Now { millis: 1_000, chain: UnixSeconds(1_000) };
pub(super) const BUYER: Address = Address([9; 32]);

pub(super) fn settings() -> Settings {
    Settings {
        program: Address([8; 32]),
        attestor: Address([7; 32]),
        heartbeat_millis: 1_000,
        weights: Weights::default(),
        draw_secret: DrawSecret([5; 32]),
        keep_jobs: Seconds(3_600),
    }
}

pub(super) fn terms() -> JobTerms {
    let requirements =
        Requirements { gpu_classes: 0, vram_mib: 0, units: GpuUnits(1), regions: 0, accept_simulated: true };
    JobTerms {
        requirements,
        maximum_price: PricePerGpuHour(1_000_000),
        concurrent_leases: 1,
        lease_seconds: Seconds(600),
        start_window: Seconds(600),
        retries: 2,
        deposit: MicroUsdc(5_000_000),
        spot: false,
        service_level: ServiceLevel::None,
        payment: Payment::Streaming,
        verification: Verification::Attested,
        dispute_window: Seconds::ZERO,
    }
}

/// A job that has just been opened, with these terms.
pub(super) fn view(opened_slot: u64, spec_hash: Sha256, terms: JobTerms) -> JobView {
    JobView {
        buyer: BUYER,
        funder: BUYER,
        delegate: None,
        attestor: None,
        id: 1,
        opened_slot,
        opened_at: NOW.chain,
        spec_hash,
        quorum_round: 0,
        quorum_open: false,
        job: transitions::open_job(terms, &Parameters::default(), NOW.chain).unwrap(),
    }
}

/// A driver that remembers these records, and has not heard of the chain. Its files lie in the folder.
pub(super) async fn driver(records: Vec<Record>) -> (Driver, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let (key, clock) = (Arc::new(Keypair::new()), Arc::new(Clock::default()));
    clock.read_chain(NOW.chain);
    let nowhere = Client::new(Endpoints { rpc: Vec::new(), ws: Vec::new() });
    let driver = Driver::new(Parts {
        core: Core::restore(settings(), clock.now(), records),
        clock,
        chain: Chain::new(Sender::new(nowhere, key.clone())),
        store: Store::open(&folder.path().join("journal.sqlite")).await.unwrap(),
        objects: Objects::open(&folder.path().join("objects")).unwrap(),
        logs: Logs::new(folder.path().join("logs")),
        signer: Signer::new(key),
        inbox: Inbox::new(1).0,
        reconciled: oneshot::channel().0,
    });
    (driver, folder)
}
