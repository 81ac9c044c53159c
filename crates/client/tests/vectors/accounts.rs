//! The bytes of every account of this version, and what stands in them, field by field.

use anchor_lang::Discriminator;
use millrace::state::{Allowance, Buyer, Config, Dispute, Job, Lease, Node, Provider, Quorum, QuorumMember, Unbonding};
use millrace::types::{Hardware, JobTerms, Parameters};
use millrace_client::Pubkey;
use serde_json::{Value, json};

use crate::check;

/// As JSON that loses nothing anywhere: numbers are text.
trait Written {
    fn written(&self) -> Value;
}

macro_rules! numbers {
    ($($number:ty),*) => {$(
        impl Written for $number {
            fn written(&self) -> Value {
                self.to_string().into()
            }
        }
    )*};
}
numbers!(u8, u16, u32, u64, Pubkey);

impl<T: Written, const N: usize> Written for [T; N] {
    fn written(&self) -> Value {
        self.iter().map(Written::written).collect()
    }
}

/// Names every field, so that one that is added or left out does not compile. Gaps are not told.
macro_rules! fields {
    ($kind:ident: $($field:ident)* $(; $($gap:ident)*)?) => {
        impl Written for $kind {
            fn written(&self) -> Value {
                let Self { $($field,)* $($($gap: _,)*)? } = self;
                let all = [$((stringify!($field).to_owned(), $field.written())),*];
                Value::Object(all.into_iter().collect())
            }
        }
    };
}

fields!(Allowance: version bump buyer delegate rent_payer per_job total spent expires_at; padding spare);
fields!(Buyer: version bump jobs_opened jobs_live allowances owner buyer_vault mint rent_payer balance deposited withdrawn spent refunded
    jobs_cancelled disputes_lost; padding spare);
fields!(Config: version bump paused admin pending_admin scheduler arbiter treasury mint rent_payer parameters;
    padding spare);
fields!(Dispute: version bump job lease challenger evidence_hash rent_payer bond opened_at decide_by; padding spare);
fields!(Hardware: vram_mib memory_mib disk_mib gpu_count cpu_cores gpu_class region country simulated; padding);
fields!(Job: version bump state prepaid leases_opened buyer funder attestor mint job_vault rent_payer spec_hash terms
    id reserved paid fees compensation dispute_bonds opened_slot opened_at start_deadline cancelled_at settle_grace
    quorum_round live_leases reported_leases attempts_failed disputes_lost completed quorum_open; padding spare);
fields!(JobTerms: gpu_classes maximum_price lease_seconds start_window deposit dispute_window vram_mib regions units
    concurrent_leases retries spot_check_bps accept_simulated spot service_level payment verification quorum_needed
    quorum_size hardware_class);
fields!(Lease: version bump state reported number job node provider attestor rent_payer result_root bid_book_root
    price opened_at maximum_seconds reserved paid fees bond sequence metered_seconds downtime_seconds start_by
    attested_at checkpoint_by ends_by preempted_at disputable_until start_timeout checkpoint_interval hold_limit
    settle_grace fee_bps abandon_penalty_bps lost_penalty_bps units start_extended started_late; padding spare);
fields!(Node: version bump status service_level index provider node_key attestor attestation_digest rent_payer
    hardware driver cuda capabilities leased attestation_score attestation_class price spot_price
    attestation_expires_at added_at; padding spare);
fields!(Parameters: minimum_bond minimum_dispute_bond start_timeout checkpoint_interval hold_limit settle_grace
    preemption_notice decide_window reveal_window unbonding payout_delay minimum_reputation_bps delist_floor_bps
    fee_bps bond_hours abandon_penalty_bps lost_penalty_bps dispute_bond_bps; padding);
fields!(Provider: version bump status nodes owner payout_owner next_payout_owner stake_vault earnings_vault rent_payer
    display_name stake_total stake_locked staked slashed stake_withdrawn unbonding earnings_owner earnings_fees
    earnings_received earnings_withdrawn earnings_swept reputation_good reputation_bad reputation_at next_payout_from
    registered_at nodes_added; padding padding_end spare);
fields!(Quorum: version bump needed size joined verdict job winner rent_payer members commit_by reveal_by
    reveal_window round; padding padding_end spare);
fields!(QuorumMember: lease provider hash state; padding);
fields!(Unbonding: amount unlocks_at);

/// No two neighbours alike: a field read one byte off is another value.
fn case<T: bytemuck::Pod + Discriminator + Written>(kind: &str) -> Value {
    let bytes: Vec<u8> = (0..size_of::<T>()).map(|index| (index * 7 + 3) as u8).collect();
    let account: T = bytemuck::pod_read_unaligned(&bytes);
    let data = hex::encode([T::DISCRIMINATOR, &bytes].concat());
    json!({ "kind": kind, "data": data, "fields": account.written() })
}

#[test]
fn accounts_of_every_kind() {
    let cases = [
        case::<Allowance>("allowance"),
        case::<Buyer>("buyer"),
        case::<Config>("config"),
        case::<Dispute>("dispute"),
        case::<Job>("job"),
        case::<Lease>("lease"),
        case::<Node>("node"),
        case::<Provider>("provider"),
        case::<Quorum>("quorum"),
    ];
    check("tests/vectors/accounts.json", &cases.to_vec().into());
}
