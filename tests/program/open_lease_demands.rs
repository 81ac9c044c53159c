//! What a job and the network demand of a node and its provider, and whose vouchers count.

use millrace_testkit::program::MarketError;
use millrace_testkit::protocol::voucher::Voucher;
use millrace_testkit::protocol::{
    HardwareAttestation, HardwareClass, JobTerms, ProviderStatus, Seconds, ServiceLevel, UnixSeconds, Verification,
};
use millrace_testkit::{
    Environment, JobHandle, Keypair, NodeHandle, Signer, attestation, signature_check, terms, usdc,
};

use crate::round::counted;
use crate::scene::Scene;

fn ready(terms: JobTerms) -> (Environment, JobHandle, NodeHandle) {
    let mut chain = Environment::new();
    let node = chain.rig(usdc(100));
    let buyer = chain.wallet(usdc(100));
    let job = chain.do_open_job(&buyer, 1, terms);
    (chain, job, node)
}

fn attested(class: HardwareClass) -> JobTerms {
    JobTerms { verification: Verification::AttestedHardware { class }, ..terms() }
}

#[test]
fn refuses_a_node_that_answers_for_less_than_the_jobs_service_level() {
    for (offered, demanded, taken) in [
        (ServiceLevel::None, ServiceLevel::Silver, false),
        (ServiceLevel::Silver, ServiceLevel::Gold, false),
        (ServiceLevel::Silver, ServiceLevel::Silver, true),
        (ServiceLevel::Gold, ServiceLevel::Silver, true),
    ] {
        let (mut chain, job, node) = ready(JobTerms { service_level: demanded, ..terms() });
        let mut state = chain.node(&node.address);
        state.service_level = offered as u8;
        chain.put(node.address, &state);
        let call = chain.open_lease(&job, &node);
        match taken {
            true => drop(chain.send(&call).unwrap()),
            false => chain.refuses(&call, MarketError::RequirementsUnmet),
        }
    }
}

#[test]
fn takes_only_hardware_that_was_attested_as_the_job_demands() {
    let (mut chain, job, node) = ready(attested(HardwareClass::Challenged));
    let enclave = chain.do_open_job(&job.buyer, 2, attested(HardwareClass::Enclave));
    let call = chain.open_lease(&job, &node);
    chain.refuses(&call, MarketError::RequirementsUnmet);
    let expires_at = chain.now().after(Seconds(100)).unwrap();
    chain.do_attest_node(&node, HardwareAttestation { class: HardwareClass::Challenged, expires_at });
    chain.do_open_lease(&job, &node);
    let call = chain.open_lease(&enclave, &node);
    chain.refuses(&call, MarketError::RequirementsUnmet);
}

#[test]
fn an_attestation_counts_until_the_second_before_it_expires() {
    let (mut chain, job, node) = ready(attested(HardwareClass::Challenged));
    let expires_at = chain.now().after(Seconds(100)).unwrap();
    chain.do_attest_node(&node, HardwareAttestation { class: HardwareClass::Enclave, expires_at });
    chain.travel_to(UnixSeconds(expires_at.0 - 1));
    chain.do_open_lease(&job, &node);
    chain.travel_to(expires_at);
    let call = chain.open_lease(&job, &node);
    chain.refuses(&call, MarketError::RequirementsUnmet);
}

#[test]
fn refuses_a_provider_whose_reputation_is_under_the_minimum() {
    let (mut chain, job, node) = ready(terms());
    let mut state = chain.provider(&node.provider.address);
    (state.reputation_bad, state.reputation_at) = (usdc(1_000_000).0, chain.now().0);
    chain.put(node.provider.address, &state);
    let call = chain.open_lease(&job, &node);
    chain.refuses(&call, MarketError::ReputationTooLow);
    // What went wrong fades.
    chain.put(job.address, &{
        let mut waiting = chain.job(&job.address);
        waiting.start_deadline = u64::MAX;
        waiting
    });
    chain.advance(Seconds(40 * 365 * 86_400));
    chain.do_open_lease(&job, &node);
}

#[test]
fn refuses_a_provider_that_is_draining_or_delisted() {
    let (mut chain, job, node) = ready(terms());
    for status in [ProviderStatus::Draining, ProviderStatus::Delisted] {
        let mut state = chain.provider(&node.provider.address);
        state.status = status as u8;
        chain.put(node.provider.address, &state);
        let call = chain.open_lease(&job, &node);
        chain.refuses(&call, MarketError::ProviderNotActive);
    }
}

#[test]
fn a_buyers_own_attestor_signs_the_vouchers_of_its_job() {
    let (mut chain, job, node) = ready(terms());
    let (own, attestor) = (Environment::job_of(&job.buyer, &job.buyer, 2), Keypair::new());
    let mut call = chain.open_job(&own, 2, terms());
    call.data.args.attestor = Some(attestor.pubkey());
    chain.send(&call).unwrap();
    let lease = chain.do_open_lease(&own, &node);
    assert_eq!(chain.lease(&lease.address).attestor, attestor.pubkey());

    chain.advance(Seconds(100));
    let voucher = attestation(lease.address, 1, Seconds(50));
    let mut call = chain.settle(&lease, &voucher);
    chain.refuses(&call, MarketError::VoucherForged);
    call.before = vec![signature_check(&attestor, &voucher)];
    chain.send(&call).unwrap();
    assert_eq!(chain.lease(&lease.address).paid, 50_000);
}

#[test]
fn a_new_scheduler_attests_the_leases_it_opens_and_no_earlier_one() {
    let Scene { mut chain, node, job, lease, .. } = Scene::new();
    let successor = chain.wallet(usdc(0)).key;
    let mut config = chain.config();
    config.scheduler = successor.pubkey();
    chain.put(Environment::config_address(), &config);
    let call = chain.open_lease(&job, &node);
    chain.refuses(&call, MarketError::WrongAuthority);
    let predecessor = std::mem::replace(&mut chain.scheduler, successor);
    let later = chain.do_open_lease(&job, &node);
    assert_eq!(chain.lease(&later.address).attestor, chain.scheduler.pubkey());
    assert_eq!(chain.lease(&lease.address).attestor, predecessor.pubkey());

    chain.advance(Seconds(100));
    let signed = |chain: &Environment, lease: &_, voucher: &Voucher, by: &Keypair| {
        let mut call = chain.settle(lease, voucher);
        call.before = vec![signature_check(by, voucher)];
        call
    };
    for (lease, good, bad) in [
        (&lease, &predecessor, chain.scheduler.insecure_clone()),
        (&later, &chain.scheduler.insecure_clone(), predecessor.insecure_clone()),
    ] {
        let voucher = attestation(lease.address, 1, Seconds(50));
        let call = signed(&chain, lease, &voucher, &bad);
        chain.refuses(&call, MarketError::VoucherForged);
        let call = signed(&chain, lease, &voucher, good);
        chain.send(&call).unwrap();
    }
}

#[test]
fn refuses_a_job_whose_results_are_counted_while_no_round_is_open() {
    let (mut chain, job, node) = ready(counted(2, 2));
    let call = chain.open_lease(&job, &node);
    chain.refuses(&call, MarketError::WrongQuorum);
}

#[test]
fn refuses_a_round_that_the_job_does_not_have() {
    let (mut chain, job, node) = ready(terms());
    let other = chain.do_open_job(&job.buyer, 2, counted(2, 2));
    let mut call = chain.open_lease(&job, &node);
    call.accounts.quorum = Some(chain.do_open_round(&other));
    chain.refuses(&call, MarketError::WrongQuorum);
}
