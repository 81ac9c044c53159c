use anchor_lang::prelude::Pubkey;
use anchor_lang::solana_program::instruction::{AccountMeta, Instruction};
use millrace_protocol::{
    BasisPoints, GpuUnits, Lease, LeaseOutcome, LeaseState, MicroUsdc, PricePerGpuHour, UnixSeconds,
};
use solana_compute_budget_interface::ComputeBudgetInstruction;
use solana_keypair::Signer as _;

use super::*;
use crate::accounts::LeaseAccount;
use crate::cosign::attach;
use crate::cosign::tests::Offer;
use crate::instructions::{cancel_job, extend_lease};
use crate::sender::{encode, missing_signature, sign};

const MORE: Seconds = Seconds(90);

fn lease(offer: &Offer) -> LeaseAccount {
    LeaseAccount {
        address: offer.job.next_lease(),
        job: offer.job.address,
        number: 3,
        node: offer.node.address,
        provider: offer.node.provider,
        attestor: address_of(&offer.scheduler),
        result_root: [0; 32],
        bid_book_root: [0; 32],
        rent_payer: address_of(&offer.scheduler),
        lease: Lease {
            state: LeaseState::Running,
            price: PricePerGpuHour(400_000),
            units: GpuUnits(1),
            opened_at: UnixSeconds(1),
            maximum: Seconds(60),
            reserved: MicroUsdc(6_666),
            paid: MicroUsdc(0),
            fees: MicroUsdc(0),
            bond: MicroUsdc(9_600_000),
            sequence: 1,
            metered: Seconds(10),
            downtime: Seconds(0),
            start_by: UnixSeconds(301),
            start_extended: false,
            started_late: false,
            attested_at: UnixSeconds(11),
            checkpoint_by: UnixSeconds(911),
            ends_by: UnixSeconds(361),
            preempted_at: UnixSeconds(0),
            reported: LeaseOutcome::Completed,
            disputable_until: UnixSeconds(0),
            fee: BasisPoints(500),
            abandon_penalty: BasisPoints(1_000),
            lost_penalty: BasisPoints(2_500),
            start_timeout: Seconds(300),
            checkpoint_interval: Seconds(900),
            hold_limit: Seconds(21_600),
            settle_grace: Seconds(600),
        },
    }
}

fn extension(offer: &Offer) -> Vec<Instruction> {
    extend_lease(address_of(&offer.scheduler), &offer.node, &lease(offer), MORE)
}

fn inspected(offer: &Offer, instructions: &[Instruction]) -> Result<ProposedExtension, CosignError> {
    inspect(&offer.signed(instructions), offer.node.address, address_of(&offer.key))
}

#[test]
fn a_plain_extension_is_read_and_completed() {
    let offer = Offer::new();
    let limit = ComputeBudgetInstruction::set_compute_unit_limit(100_000);
    let half = offer.signed(&[vec![limit], extension(&offer)].concat());
    let cosigned = cosign(&half, offer.node.address, &offer.key).unwrap();
    let (job, lease, authority) = (offer.job.address, offer.job.next_lease(), address_of(&offer.scheduler));
    assert_eq!(cosigned.extension, ProposedExtension { job, lease, authority, more: MORE });
    assert_eq!(missing_signature(&decode(&half).unwrap()), Some(address_of(&offer.key)));
    assert_eq!(missing_signature(&decode(&cosigned.transaction).unwrap()), None);
    assert_eq!(attach(&half, address_of(&offer.key), cosigned.signature), Some(cosigned.transaction));
}

#[test]
fn a_foreign_program_beside_it_is_refused() {
    let offer = Offer::new();
    let program_id = Pubkey::new_from_array([9; 32]);
    let stranger = Instruction { program_id, accounts: Vec::new(), data: Vec::new() };
    let refused = inspected(&offer, &[extension(&offer), vec![stranger]].concat());
    assert_eq!(refused, Err(CosignError::ForeignInstruction(Address([9; 32]))));
}

#[test]
fn a_second_instruction_of_the_market_or_none_is_refused() {
    let offer = Offer::new();
    let twice = [extension(&offer), extension(&offer)].concat();
    assert_eq!(inspected(&offer, &twice), Err(CosignError::NotOneLease(2)));
    let beside_a_lease = [offer.lease(), extension(&offer)].concat();
    assert_eq!(inspected(&offer, &beside_a_lease), Err(CosignError::NotOneLease(2)));
    let nothing = [ComputeBudgetInstruction::set_compute_unit_limit(1)];
    assert_eq!(inspected(&offer, &nothing), Err(CosignError::NotOneLease(0)));
}

#[test]
fn neither_kind_is_taken_for_the_other_or_for_anything_else() {
    let offer = Offer::new();
    assert_eq!(inspected(&offer, &offer.lease()), Err(CosignError::NotAnExtension));
    let cancel = cancel_job(Address([4; 32]), Address([3; 32]));
    assert_eq!(inspected(&offer, &cancel), Err(CosignError::NotAnExtension));
    assert_eq!(offer.inspect(&extension(&offer)), Err(CosignError::NotALease));
}

#[test]
fn another_node_is_refused() {
    let offer = Offer::new();
    let refused = inspect(&offer.signed(&extension(&offer)), Address([8; 32]), address_of(&offer.key));
    assert_eq!(refused, Err(CosignError::OtherNode(offer.node.address)));
}

#[test]
fn another_key_is_refused() {
    let offer = Offer::new();
    let other = address_of(&Keypair::new());
    let refused = inspect(&offer.signed(&extension(&offer)), offer.node.address, other);
    assert_eq!(refused, Err(CosignError::OtherKey(address_of(&offer.key))));
}

#[test]
fn a_transaction_that_the_nodes_key_pays_for_is_refused() {
    let offer = Offer::new();
    let paid_by_node = encode(&sign(Message::new(&extension(&offer), Some(&offer.key.pubkey())), &[]));
    let refused = inspect(&paid_by_node, offer.node.address, address_of(&offer.key));
    assert_eq!(refused, Err(CosignError::NodeExposed));
}

#[test]
fn a_key_that_could_be_changed_or_does_not_sign_is_refused() {
    let offer = Offer::new();
    let mut writable = extension(&offer);
    writable[0].accounts[2] = AccountMeta::new(offer.key.pubkey(), true);
    assert_eq!(inspected(&offer, &writable), Err(CosignError::NodeExposed));
    let mut unsigned = extension(&offer);
    unsigned[0].accounts[2].is_signer = false;
    assert_eq!(inspected(&offer, &unsigned), Err(CosignError::NodeExposed));
}

#[test]
fn other_accounts_are_refused() {
    let offer = Offer::new();
    for place in [0, 6, 7] {
        let mut bent = extension(&offer);
        bent[0].accounts[place].pubkey = Pubkey::new_from_array([7; 32]);
        assert_eq!(inspected(&offer, &bent), Err(CosignError::AccountsMismatch), "account {place}");
    }
    let mut more = extension(&offer);
    more[0].accounts.push(AccountMeta::new(Pubkey::new_from_array([7; 32]), false));
    assert_eq!(inspected(&offer, &more), Err(CosignError::AccountsMismatch));
    let mut fewer = extension(&offer);
    fewer[0].accounts.truncate(5);
    assert_eq!(inspected(&offer, &fewer), Err(CosignError::AccountsMismatch));
}

#[test]
fn other_data_is_refused() {
    let offer = Offer::new();
    let mut longer = extension(&offer);
    longer[0].data.push(0);
    assert_eq!(inspected(&offer, &longer), Err(CosignError::AccountsMismatch));
    let mut shorter = extension(&offer);
    shorter[0].data.pop();
    assert_eq!(inspected(&offer, &shorter), Err(CosignError::NotAnExtension));
}

#[test]
fn bytes_that_are_no_transaction_are_refused() {
    let offer = Offer::new();
    let bytes = offer.signed(&extension(&offer));
    for broken in [&bytes[1..], &bytes[..bytes.len() - 1], &[]] {
        let refused = inspect(broken, offer.node.address, address_of(&offer.key));
        assert_eq!(refused, Err(CosignError::Malformed));
    }
}
