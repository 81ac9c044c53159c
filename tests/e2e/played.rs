//! Scheduler, rig and buyer played by the SDK: one lease of one job, without an orchestrator, a worker and
//! their containers.

use std::path::Path;

use millrace_client::accounts::{JobAccount, LeaseAccount, NodeAccount};
use millrace_client::instructions::{self, NewJob};
use millrace_client::keys::{self, address_of};
use millrace_client::{Keypair, Sender, SignedVoucher, address, cosign};
use millrace_protocol::transitions::LeaseOffer;
use millrace_protocol::voucher::{ExitClass, Voucher};
use millrace_protocol::{
    Address, GpuUnits, JobTerms, MicroUsdc, Payment, PricePerGpuHour, Requirements, Seconds, ServiceLevel, Verification,
};

use crate::network::Network;

/// 300 micro-USDC per second.
pub const PRICE: PricePerGpuHour = PricePerGpuHour(1_080_000);
pub const DEPOSIT: MicroUsdc = MicroUsdc(1_000_000);
const WORKED: Seconds = Seconds(20);
/// What the job pays for twenty seconds.
pub const PAID: u64 = 20 * 300;
/// The network's twentieth of it.
pub const FEE: u64 = PAID / 20;

/// Of a plain job that one rig takes, paid as it runs.
pub fn terms() -> JobTerms {
    let requirements =
        Requirements { gpu_classes: 0, vram_mib: 0, units: GpuUnits(1), regions: 0, accept_simulated: true };
    JobTerms {
        requirements,
        maximum_price: PRICE,
        concurrent_leases: 1,
        lease_seconds: Seconds(600),
        start_window: Seconds(600),
        retries: 0,
        deposit: DEPOSIT,
        spot: false,
        service_level: ServiceLevel::None,
        payment: Payment::Streaming,
        verification: Verification::Attested,
        dispute_window: Seconds::ZERO,
    }
}

/// A key of the network's own, by its name.
pub fn key(network: &Network, name: &str) -> Keypair {
    keys::load(&network.stage().options.dir.join("keys").join(format!("{name}.json"))).unwrap()
}

/// The buyer's job and its lease on a node.
pub async fn leased(network: &Network, terms: JobTerms, node: Address, rig: &Path) -> LeaseAccount {
    let stage = network.stage();
    let (client, buyer) = (&stage.client, address_of(&stage.buyer));
    let mint = stage.localnet.usdc_mint();
    let job = NewJob { buyer, funder: buyer, mint, id: 1, spec_hash: [7; 32], terms, attestor: None };
    Sender::new(client.clone(), stage.buyer.clone()).send(&instructions::open_job(job), &[]).await.unwrap();
    let job: JobAccount = client.fetch(address::job(buyer, 1)).await.unwrap();
    let account: NodeAccount = client.fetch(node).await.unwrap();
    let offer = LeaseOffer { price: account.node.price, negotiated: false, maximum: Seconds(600) };
    let scheduler = key(network, "scheduler");
    let authority = address_of(&scheduler);
    let opening = instructions::open_lease(authority, authority, &job, &account, offer, [0; 32]);
    let sender = Sender::new(client.clone(), scheduler.into());
    let prepared = sender.prepare(&opening, &[]).await.unwrap();
    let cosigned = cosign::cosign(&prepared.transaction, node, &keys::load(rig).unwrap()).unwrap();
    sender.submit_signed(&cosigned.transaction, prepared.last_valid_block_height).await.unwrap();
    client.fetch(cosigned.lease.lease).await.unwrap()
}

/// The lease ends with its job done, after twenty seconds.
pub async fn ended(network: &Network, lease: &LeaseAccount) {
    let stage = network.stage();
    network.pass(Seconds(WORKED.0 + 1)).await;
    let voucher = Voucher {
        program: address::program(),
        lease: lease.address,
        sequence: 1,
        metered: WORKED,
        downtime: Seconds::ZERO,
        is_final: true,
        exit_class: ExitClass::Completed,
        result_root: [1; 32],
    };
    let voucher = SignedVoucher::sign(voucher, &key(network, "scheduler"));
    let job: JobAccount = stage.client.fetch(lease.job).await.unwrap();
    let settle = instructions::settle(&job, lease, &voucher);
    Sender::new(stage.client.clone(), stage.buyer.clone()).send(&settle, &[]).await.unwrap();
}
