use millrace_client::{Pubkey, address};
use millrace_protocol::{Address, seeds};
use serde_json::{Value, json};

use crate::check;

/// `inputs` are named as the TypeScript SDK names them; 64-bit numbers are text.
fn case(kind: &str, inputs: Value, found: Address, seeds: &[&[u8]]) -> Value {
    let (derived, bump) = Pubkey::find_program_address(seeds, &millrace::ID);
    assert_eq!(address::pubkey(found), derived, "{kind}");
    json!({ "kind": kind, "inputs": inputs, "address": found.to_string(), "bump": bump })
}

#[test]
fn addresses_of_every_kind() {
    let (owner, buyer) = (Address([1; 32]), Address([2; 32]));
    let provider = address::provider(owner);
    let mut cases = vec![
        case("config", json!({}), address::config(), &[seeds::CONFIG]),
        case("eventAuthority", json!({}), address::event_authority(), &[b"__event_authority"]),
        case("provider", json!({ "owner": owner.to_string() }), provider, &[seeds::PROVIDER, &owner.0]),
    ];
    let of_provider = json!({ "provider": provider.to_string() });
    let stake = address::stake_vault(provider);
    cases.push(case("stakeVault", of_provider.clone(), stake, &[seeds::STAKE_VAULT, &provider.0]));
    let earnings = address::earnings_vault(provider);
    cases.push(case("earningsVault", of_provider, earnings, &[seeds::EARNINGS_VAULT, &provider.0]));
    let balance = address::buyer(buyer);
    let of_buyer = json!({ "owner": buyer.to_string() });
    cases.push(case("buyer", of_buyer, balance, &[seeds::BUYER, &buyer.0]));
    let vault = address::buyer_vault(balance);
    let of_balance = json!({ "buyer": balance.to_string() });
    cases.push(case("buyerVault", of_balance, vault, &[seeds::BUYER_VAULT, &balance.0]));
    let delegated = json!({ "buyer": balance.to_string(), "delegate": owner.to_string() });
    let allowance = address::allowance(balance, owner);
    cases.push(case("allowance", delegated, allowance, &[seeds::ALLOWANCE, &balance.0, &owner.0]));
    for index in [0, 1, u32::MAX] {
        let inputs = json!({ "provider": provider.to_string(), "index": index });
        let node = address::node(provider, index);
        cases.push(case("node", inputs, node, &[seeds::NODE, &provider.0, &index.to_le_bytes()]));
    }
    for id in [0, 1, u64::MAX] {
        let job = address::job(buyer, id);
        let inputs = json!({ "buyer": buyer.to_string(), "id": id.to_string() });
        cases.push(case("job", inputs, job, &[seeds::JOB, &buyer.0, &id.to_le_bytes()]));
        let inputs = json!({ "job": job.to_string() });
        cases.push(case("jobVault", inputs, address::job_vault(job), &[seeds::JOB_VAULT, &job.0]));
        for (slot, number) in [(0, 0), (417, 1), (u64::MAX, u32::MAX)] {
            let lease = address::lease(job, slot, number);
            let inputs = json!({ "job": job.to_string(), "openedSlot": slot.to_string(), "number": number });
            let seeds: &[&[u8]] = &[seeds::LEASE, &job.0, &slot.to_le_bytes(), &number.to_le_bytes()];
            cases.push(case("lease", inputs, lease, seeds));
            let inputs = json!({ "lease": lease.to_string() });
            cases.push(case("dispute", inputs, address::dispute(lease), &[seeds::DISPUTE, &lease.0]));
            let quorum = address::quorum(job, slot, number);
            let inputs = json!({ "job": job.to_string(), "openedSlot": slot.to_string(), "round": number });
            let seeds: &[&[u8]] = &[seeds::QUORUM, &job.0, &slot.to_le_bytes(), &number.to_le_bytes()];
            cases.push(case("quorum", inputs, quorum, seeds));
        }
    }
    let all = json!({ "program": address::program().to_string(), "cases": cases });
    check("tests/vectors/addresses.json", &all);
}
