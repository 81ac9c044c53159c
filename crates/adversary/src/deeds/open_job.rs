use anchor_lang::solana_program::instruction::Instruction;
use arbitrary::Arbitrary;
use millrace_testkit::protocol::{GpuUnits, JobTerms, MicroUsdc, PricePerGpuHour, Requirements, Seconds};
use millrace_testkit::{Environment, terms};

use super::transaction;
use crate::market::Market;

#[derive(Arbitrary, Clone, Copy, Debug)]
pub struct OpenJob {
    buyer: u8,
    funder: u8,
    id: u8,
    terms: Terms,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Terms {
    /// What a buyer would ask for.
    Sane { units: u8, lease_seconds: u16, leases: u8, short_by: u8, concurrent: u8, retries: u8, window: u16 },
    /// What no buyer would.
    Wild {
        requirements: [u64; 2],
        units: u16,
        price: u64,
        lease_seconds: u64,
        deposit: u64,
        concurrent: u16,
        retries: u16,
        window: u64,
    },
}

impl OpenJob {
    pub fn call(self, market: &mut Market) -> Option<Vec<Instruction>> {
        let (buyer, funder) = (market.wallet(self.buyer).clone(), market.wallet(self.funder).clone());
        let id = u64::from(self.id);
        let job = Environment::job_of(&buyer, &funder, id);
        Some(transaction(&market.chain.open_job(&job, id, self.terms.into())))
    }
}

impl From<Terms> for JobTerms {
    fn from(terms_wanted: Terms) -> Self {
        match terms_wanted {
            Terms::Sane { units, lease_seconds, leases, short_by, concurrent, retries, window } => {
                let (units, lease_seconds) = (u16::from(units % 3), u64::from(lease_seconds));
                // At the default price a second costs 1000 micro-USDC a unit.
                let cost = u64::from(units) * lease_seconds * 1_000;
                Self {
                    requirements: Requirements { units: GpuUnits(units), ..terms().requirements },
                    lease_seconds: Seconds(lease_seconds),
                    deposit: MicroUsdc((u64::from(leases % 4) * cost).saturating_sub(u64::from(short_by))),
                    concurrent_leases: u16::from(concurrent % 4),
                    retries: u16::from(retries % 4),
                    start_window: Seconds(u64::from(window)),
                    ..terms()
                }
            }
            Terms::Wild { requirements, units, price, lease_seconds, deposit, concurrent, retries, window } => Self {
                requirements: Requirements {
                    gpu_classes: requirements[0],
                    vram_mib: (requirements[1] >> 32) as u32,
                    units: GpuUnits(units),
                    regions: requirements[1] as u32,
                    accept_simulated: requirements[0] & 1 == 1,
                },
                maximum_price: PricePerGpuHour(price),
                concurrent_leases: concurrent,
                lease_seconds: Seconds(lease_seconds),
                start_window: Seconds(window),
                retries,
                deposit: MicroUsdc(deposit),
            },
        }
    }
}
