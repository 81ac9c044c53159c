//! How every life begins: far into the life of a market, so that little has to happen to reach any of
//! its states.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use millrace_testkit::program::types::AllowanceTerms;
use millrace_testkit::protocol::voucher::ExitClass;
use millrace_testkit::protocol::{
    BasisPoints, HardwareAttestation, HardwareClass, JobTerms, MicroUsdc, Payment, PricePerGpuHour, Seconds,
    UnixSeconds, Verification,
};
use millrace_testkit::{Environment, Keypair, NodeHandle, Signer, Wallet, hardware, parameters, terms, usdc};

use super::Market;
use crate::deeds::SALT;

/// The result that members of a round have committed to.
const ROOT: [u8; 32] = [1; 32];

impl Market {
    /// Two providers with two nodes each, at even and at odd prices, one with little stake, one with stake
    /// on its way out and the other with another payout owner to come; a third that may be delisted; two
    /// buyers with jobs in every state, one of them with a balance and a delegate; an account of each kind
    /// that has nothing in it; and a stranger.
    pub fn found() -> Self {
        let mut chain = Environment::with(parameters());
        let (failed, disappointed) = failed_provider(&mut chain);
        let nodes = providers(&mut chain);
        let buyers = [chain.wallet(usdc(10_000)), chain.wallet(usdc(10_000))];
        let (idler, stranger, delegate) =
            (chain.wallet(usdc(1_000)), chain.wallet(usdc(1_000)), chain.wallet(usdc(100)));
        let running = [&chain.admin, &chain.scheduler, &chain.arbiter].map(Keypair::insecure_clone);
        let running = running.map(|key| purse(&mut chain, key));
        chain.do_register_provider(&idler);
        chain.do_open_buyer(&idler, MicroUsdc::ZERO);
        chain.do_request_unstake(&nodes[0].provider, usdc(5));
        chain.do_change_payout(&nodes[2].provider, stranger.address());
        jobs(&mut chain, &nodes, &buyers);
        prepaid(&mut chain, &buyers[0], &delegate);
        counted(&mut chain, &nodes, &buyers[1]);

        let mut wallets = vec![nodes[0].provider.owner.clone(), nodes[2].provider.owner.clone()];
        wallets.extend(buyers);
        wallets.extend([idler, failed.provider.owner.clone(), disappointed, delegate]);
        wallets.extend(running);
        wallets.push(stranger);
        let mut keys: Vec<_> = wallets.iter().map(|wallet| wallet.key.insecure_clone()).collect();
        keys.extend(nodes.iter().chain([&failed]).map(|node| node.key.insecure_clone()));
        keys.extend([chain.fee_payer.insecure_clone(), chain.key()]);
        let mut market = Self {
            beginning: chain.now().0,
            ledger: Rc::new(chain.ledger()),
            config: chain.config(),
            keys: Rc::new(keys),
            wallets: Rc::new(wallets),
            purses: Rc::new(BTreeMap::new()),
            pool: Vec::new(),
            known: BTreeSet::new(),
            chain,
        };
        market.add_traps();
        market.look();
        market
    }
}

fn purse(chain: &mut Environment, key: Keypair) -> Wallet {
    let tokens = chain.key().pubkey();
    chain.put_tokens(tokens, key.pubkey(), chain.mint, usdc(100));
    Wallet { key, tokens }
}

/// Its one lease, of a hundred dollars, has never started; with whose job that was.
fn failed_provider(chain: &mut Environment) -> (NodeHandle, Wallet) {
    let (node, buyer) = (chain.rig(usdc(10)), chain.wallet(usdc(200)));
    let large = JobTerms { lease_seconds: Seconds(100_000), deposit: usdc(100), ..terms() };
    let job = chain.do_open_job(&buyer, 0, large);
    let lease = chain.do_open_lease(&job, &node);
    chain.advance(Seconds(300));
    chain.do_expire_lease(&lease);
    chain.do_cancel_job(&job);
    chain.do_close_job(&job);
    (node, buyer)
}

fn providers(chain: &mut Environment) -> Vec<NodeHandle> {
    let mut nodes = Vec::new();
    for (stake, price) in [(usdc(60), 1_234_567), (usdc(12), 3_599_999)] {
        let node = chain.rig(stake);
        let odd = chain.do_add_node(&node.provider, hardware(), PricePerGpuHour(price));
        let owner = &node.provider.owner;
        chain.put_tokens(owner.tokens, owner.address(), chain.mint, usdc(1_000));
        nodes.extend([node, odd]);
    }
    let expires_at = chain.now().after(Seconds(30 * 86_400)).unwrap_or(UnixSeconds::ZERO);
    chain.do_attest_node(&nodes[0], HardwareAttestation { class: HardwareClass::Challenged, expires_at });
    nodes
}

/// A job that waits, one with a lease not started, one reported, one disputed, one on spot, one that is over.
fn jobs(chain: &mut Environment, nodes: &[NodeHandle], buyers: &[Wallet; 2]) {
    let [first, second] = buyers;
    let disputable = JobTerms { dispute_window: Seconds(3_600), ..terms() };
    let checked = JobTerms {
        payment: Payment::OnResult,
        verification: Verification::SpotCheck { share: BasisPoints(1_000) },
        ..disputable
    };
    let checked = chain.do_open_job(first, 1, checked);
    let disputed = chain.do_open_job(second, 1, disputable);
    let leases = [&checked, &disputed].map(|job| chain.do_open_lease(job, &nodes[0]));
    chain.advance(Seconds(100));
    for lease in &leases {
        chain.do_settle_final(lease, Seconds(90), ExitClass::Completed);
    }
    chain.do_open_dispute(&leases[1], second);

    let spot = chain.do_open_job(first, 2, JobTerms { spot: true, ..terms() });
    let price = PricePerGpuHour(chain.node(&nodes[0].address).spot_price);
    let mut call = chain.open_lease(&spot, &nodes[0]);
    (call.data.args.price, call.data.args.maximum_seconds) = (price.0, 1_800);
    let lease = chain.do_open_lease_as(&spot, &nodes[0], &call);
    chain.advance(Seconds(60));
    chain.do_settle(&lease, Seconds(50));

    chain.do_open_job(first, 0, terms());
    let assigned = chain.do_open_job(second, 0, terms());
    chain.do_open_lease(&assigned, &nodes[0]);
    let over = chain.do_open_job(second, 3, terms());
    chain.do_cancel_job(&over);
}

fn prepaid(chain: &mut Environment, owner: &Wallet, delegate: &Wallet) {
    let balance = chain.do_open_buyer(owner, usdc(100));
    let expires_at = chain.now().0 + 86_400;
    let allowed = AllowanceTerms { per_job: usdc(20).0, total: usdc(50).0, expires_at };
    chain.do_open_allowance(&balance, &delegate.key, allowed);
    chain.do_open_job_prepaid(&balance, 10, terms());
    let over = chain.do_open_job_prepaid(&balance, 11, terms());
    chain.do_cancel_job(&over);
}

/// A round whose two members have just begun, one whose members have reported and committed and one of
/// them has revealed, one that nobody has joined, and a job that has no round yet.
fn counted(chain: &mut Environment, nodes: &[NodeHandle], buyer: &Wallet) {
    let counted = JobTerms {
        verification: Verification::Quorum { needed: 2, size: 2 },
        payment: Payment::OnResult,
        deposit: usdc(20),
        ..terms()
    };
    chain.do_open_job(buyer, 6, counted);
    let empty = chain.do_open_job(buyer, 7, counted);
    chain.do_open_round(&empty);
    for (id, far) in [(4, true), (5, false)] {
        let job = chain.do_open_job(buyer, id, counted);
        chain.do_open_round(&job);
        let leases = [&nodes[1], &nodes[3]].map(|node| chain.do_open_lease(&job, node));
        if far {
            chain.advance(Seconds(30));
            for lease in &leases {
                chain.do_settle_final(lease, Seconds(20), ExitClass::Completed);
                chain.do_commit_result(lease, ROOT, SALT);
            }
            chain.do_reveal_result(&leases[0], ROOT, SALT);
        }
    }
}
