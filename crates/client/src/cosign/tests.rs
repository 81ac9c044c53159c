use anchor_lang::solana_program::instruction::{AccountMeta, Instruction};
use millrace_protocol::{
    GpuUnits, Hardware, HardwareAttestation, Job, JobState, JobTerms, MicroUsdc, Node, NodeStatus, Payment,
    Requirements, ServiceLevel, UnixSeconds, Verification,
};
use solana_compute_budget_interface::ComputeBudgetInstruction;

use super::*;
use crate::accounts::{JobAccount, NodeAccount};
use crate::instructions::{cancel_job, open_lease, open_quorum};
use crate::sender::{missing_signature, sign};

pub(super) struct Offer {
    pub scheduler: Keypair,
    pub key: Keypair,
    pub node: NodeAccount,
    pub job: JobAccount,
}

impl Offer {
    pub fn new() -> Self {
        let (scheduler, key) = (Keypair::new(), Keypair::new());
        let hardware = Hardware {
            gpu_class: 8,
            gpu_count: 1,
            vram_mib: 24_576,
            cpu_cores: 8,
            memory_mib: 32_768,
            disk_mib: 100_000,
            region: 0,
            country: *b"DE",
            simulated: true,
        };
        let price = PricePerGpuHour(400_000);
        let node = NodeAccount {
            address: Address([1; 32]),
            provider: Address([2; 32]),
            index: 0,
            node_key: address_of(&key),
            node: Node {
                hardware,
                price,
                spot_price: price,
                service_level: ServiceLevel::None,
                attestation: HardwareAttestation::default(),
                leased: GpuUnits(0),
                status: NodeStatus::Active,
            },
            driver: 570_086,
            cuda: 12_008,
            capabilities: 0,
            attestor: None,
            attestation_digest: [0; 32],
            attestation_score: 0,
            rent_payer: Address([2; 32]),
            added_at: UnixSeconds(1),
        };
        let requirements =
            Requirements { gpu_classes: 0, vram_mib: 0, units: GpuUnits(1), regions: 0, accept_simulated: true };
        let terms = JobTerms {
            requirements,
            maximum_price: price,
            concurrent_leases: 2,
            lease_seconds: Seconds(600),
            start_window: Seconds(60),
            retries: 1,
            deposit: MicroUsdc(1_000_000),
            spot: false,
            service_level: ServiceLevel::None,
            payment: Payment::Streaming,
            verification: Verification::Attested,
            dispute_window: Seconds::ZERO,
        };
        let job = JobAccount {
            address: Address([3; 32]),
            buyer: Address([4; 32]),
            id: 1,
            funder: Address([4; 32]),
            prepaid: false,
            rent_payer: Address([4; 32]),
            attestor: None,
            quorum_round: 0,
            quorum_open: false,
            mint: Address([5; 32]),
            spec_hash: [6; 32],
            opened_slot: 77,
            opened_at: UnixSeconds(1),
            job: Job {
                terms,
                state: JobState::Open,
                reserved: MicroUsdc(0),
                paid: MicroUsdc(0),
                fees: MicroUsdc(0),
                compensation: MicroUsdc(0),
                dispute_bonds: MicroUsdc(0),
                live_leases: 0,
                reported_leases: 0,
                completed: false,
                leases_opened: 3,
                attempts_failed: 0,
                start_deadline: UnixSeconds(61),
                cancelled_at: UnixSeconds(0),
                settle_grace: Seconds(600),
            },
        };
        Self { scheduler, key, node, job }
    }

    fn offer(&self) -> LeaseOffer {
        LeaseOffer { price: self.node.node.price, maximum: Seconds(600), negotiated: false }
    }

    pub fn lease(&self) -> Vec<Instruction> {
        let scheduler = address_of(&self.scheduler);
        open_lease(scheduler, scheduler, &self.job, &self.node, self.offer(), [0; 32])
    }

    pub fn signed(&self, instructions: &[Instruction]) -> Vec<u8> {
        encode(&sign(Message::new(instructions, Some(&self.scheduler.pubkey())), &[&self.scheduler]))
    }

    pub fn inspect(&self, instructions: &[Instruction]) -> Result<OfferedLease, CosignError> {
        inspect(&self.signed(instructions), self.node.address, address_of(&self.key))
    }
}

#[test]
fn a_plain_offer_is_read_and_completed() {
    let offer = Offer::new();
    let mut instructions = vec![
        ComputeBudgetInstruction::set_compute_unit_limit(100_000),
        ComputeBudgetInstruction::set_compute_unit_price(5),
    ];
    instructions.extend(offer.lease());
    let half = offer.signed(&instructions);
    let cosigned = cosign(&half, offer.node.address, &offer.key).unwrap();
    assert_eq!(cosigned.lease.job, offer.job.address);
    assert_eq!(cosigned.lease.lease, crate::address::lease(offer.job.address, 77, 3));
    assert_eq!(cosigned.lease.authority, address_of(&offer.scheduler));
    assert_eq!(cosigned.lease.offer, offer.offer());
    assert_eq!(missing_signature(&decode(&half).unwrap()), Some(address_of(&offer.key)));
    assert_eq!(missing_signature(&decode(&cosigned.transaction).unwrap()), None);
    assert_eq!(attach(&half, address_of(&offer.key), cosigned.signature), Some(cosigned.transaction));
    assert_eq!(attach(&half, Address([9; 32]), cosigned.signature), None);
}

#[test]
fn anything_beside_the_lease_is_refused() {
    let offer = Offer::new();
    let program = Pubkey::new_from_array([9; 32]);
    let stranger = Instruction { program_id: program, accounts: Vec::new(), data: Vec::new() };
    let with = |extra: Instruction| offer.inspect(&[offer.lease(), vec![extra]].concat());
    assert_eq!(with(stranger), Err(CosignError::ForeignInstruction(Address([9; 32]))));
    let second = offer.lease().remove(0);
    assert_eq!(with(second), Err(CosignError::NotOneLease(2)));
    let cancel = cancel_job(Address([4; 32]), Address([3; 32])).remove(0);
    assert_eq!(with(cancel.clone()), Err(CosignError::NotOneLease(2)));
    assert_eq!(offer.inspect(&[cancel]), Err(CosignError::NotALease));
    assert_eq!(offer.inspect(&[ComputeBudgetInstruction::set_compute_unit_limit(1)]), Err(CosignError::NotOneLease(0)));
}

/// Its lease joins the round that is opened beside it, or none is opened.
#[test]
fn a_round_may_be_opened_beside_its_first_lease_and_no_other() {
    let mut offer = Offer::new();
    offer.job.quorum_open = true;
    let scheduler = address_of(&offer.scheduler);
    let round = |job: &JobAccount| open_quorum(scheduler, job);
    let opened = [round(&offer.job), offer.lease()].concat();
    assert_eq!(offer.inspect(&opened).unwrap().lease, offer.job.next_lease());
    let twice = [round(&offer.job), round(&offer.job), offer.lease()].concat();
    assert_eq!(offer.inspect(&twice), Err(CosignError::NotOneLease(3)));
    let next = JobAccount { quorum_round: 1, ..offer.job.clone() };
    let strangers = JobAccount { address: Address([8; 32]), ..offer.job.clone() };
    for other in [next, strangers] {
        let beside = [round(&other), offer.lease()].concat();
        assert_eq!(offer.inspect(&beside), Err(CosignError::AccountsMismatch));
    }
    let outside = JobAccount { quorum_open: false, ..offer.job.clone() };
    let plain = open_lease(scheduler, scheduler, &outside, &offer.node, offer.offer(), [0; 32]);
    assert_eq!(offer.inspect(&[round(&offer.job), plain].concat()), Err(CosignError::AccountsMismatch));
    assert_eq!(offer.inspect(&round(&offer.job)), Err(CosignError::NotOneLease(0)));
}

#[test]
fn another_node_or_key_is_refused() {
    let offer = Offer::new();
    let bytes = offer.signed(&offer.lease());
    let mine = address_of(&offer.key);
    assert_eq!(inspect(&bytes, Address([8; 32]), mine), Err(CosignError::OtherNode(offer.node.address)));
    let other = address_of(&Keypair::new());
    assert_eq!(inspect(&bytes, offer.node.address, other), Err(CosignError::OtherKey(mine)));
}

#[test]
fn a_transaction_that_makes_the_node_key_pay_is_refused() {
    let offer = Offer::new();
    let paid_by_node = encode(&sign(Message::new(&offer.lease(), Some(&offer.key.pubkey())), &[]));
    let refused = inspect(&paid_by_node, offer.node.address, address_of(&offer.key));
    assert_eq!(refused, Err(CosignError::NodeExposed));
    let mut writable = offer.lease();
    writable[0].accounts[3] = AccountMeta::new(offer.key.pubkey(), true);
    assert_eq!(offer.inspect(&writable), Err(CosignError::NodeExposed));
    let mut renting = offer.lease();
    renting[0].accounts[2].pubkey = offer.key.pubkey();
    assert_eq!(offer.inspect(&renting), Err(CosignError::NodeExposed));
    let mut unsigned = offer.lease();
    unsigned[0].accounts[3].is_signer = false;
    assert_eq!(offer.inspect(&unsigned), Err(CosignError::NodeExposed));
}

#[test]
fn other_accounts_data_or_bytes_are_refused() {
    let offer = Offer::new();
    for place in [0, 9, 10, 11] {
        let mut bent = offer.lease();
        bent[0].accounts[place].pubkey = Pubkey::new_from_array([7; 32]);
        assert_eq!(offer.inspect(&bent), Err(CosignError::AccountsMismatch), "account {place}");
    }
    let mut more = offer.lease();
    more[0].accounts.push(AccountMeta::new(Pubkey::new_from_array([7; 32]), false));
    assert_eq!(offer.inspect(&more), Err(CosignError::AccountsMismatch));
    let mut longer = offer.lease();
    longer[0].data.push(0);
    assert_eq!(offer.inspect(&longer), Err(CosignError::AccountsMismatch));
    let mut shorter = offer.lease();
    shorter[0].data.pop();
    assert_eq!(offer.inspect(&shorter), Err(CosignError::NotALease));
    let bytes = offer.signed(&offer.lease());
    for broken in [&bytes[1..], &bytes[..bytes.len() - 1], &[]] {
        assert_eq!(inspect(broken, offer.node.address, address_of(&offer.key)), Err(CosignError::Malformed));
    }
}
