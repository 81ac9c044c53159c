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
        }
    }
    let all = json!({ "program": address::program().to_string(), "cases": cases });
    check("tests/vectors/addresses.json", &all);
}
