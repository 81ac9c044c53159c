use arbitrary::Arbitrary;
use millrace_testkit::protocol::{
    BasisPoints, GpuUnits, HardwareClass, JobTerms, MicroUsdc, Payment, PricePerGpuHour, Requirements, Seconds,
    ServiceLevel, Verification,
};
use millrace_testkit::terms;

/// What a buyer may ask for.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub struct JobWish {
    terms: Terms,
    /// What makes a job more than a plain one.
    more: Option<More>,
}

impl JobWish {
    pub fn terms(self) -> JobTerms {
        self.more.map_or(self.terms.into(), |more| more.of(self.terms.into()))
    }
}

#[derive(Arbitrary, Clone, Copy, Debug)]
struct More {
    spot: bool,
    service_level: u8,
    on_result: bool,
    verification: Policy,
    dispute_window: u16,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Policy {
    Attested,
    SpotCheck(u16),
    /// How many of how many: mostly some that make sense.
    Quorum(u8),
    AttestedHardware(u8),
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Terms {
    /// The usual ones, for longer or shorter.
    Usual { lease_seconds: u8, concurrent: u8, retries: u8 },
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

impl More {
    fn of(self, plain: JobTerms) -> JobTerms {
        let verification = self.verification.into();
        let members = match verification {
            Verification::Quorum { size, .. } => Some(u16::from(size)),
            _ => None,
        };
        // Where results are counted, nothing is paid before the count, and every member has a node.
        let counted = members.is_some();
        JobTerms {
            spot: self.spot,
            service_level: ServiceLevel::try_from(self.service_level % 3).unwrap_or_default(),
            payment: if self.on_result || counted { Payment::OnResult } else { Payment::Streaming },
            concurrent_leases: members.unwrap_or(plain.concurrent_leases),
            deposit: if counted { plain.deposit.plus(plain.deposit).unwrap_or(plain.deposit) } else { plain.deposit },
            verification,
            dispute_window: Seconds(u64::from(self.dispute_window)),
            ..plain
        }
    }
}

impl From<Policy> for Verification {
    fn from(policy: Policy) -> Self {
        match policy {
            Policy::Attested => Self::Attested,
            Policy::SpotCheck(share) => Self::SpotCheck { share: BasisPoints(share % 10_002) },
            Policy::Quorum(choice) if choice < 0xe0 => {
                let (needed, size) = [(2, 2), (2, 3), (3, 3), (3, 4)][usize::from(choice % 4)];
                Verification::Quorum { needed, size }
            }
            Policy::Quorum(choice) => Self::Quorum { needed: choice % 5, size: choice % 9 },
            Policy::AttestedHardware(class) => {
                Self::AttestedHardware { class: HardwareClass::try_from(class % 4).unwrap_or_default() }
            }
        }
    }
}

impl From<Terms> for JobTerms {
    fn from(terms_wanted: Terms) -> Self {
        match terms_wanted {
            Terms::Usual { lease_seconds, concurrent, retries } => Self {
                lease_seconds: Seconds(60 + 10 * u64::from(lease_seconds)),
                concurrent_leases: 1 + u16::from(concurrent % 4),
                retries: u16::from(retries % 4),
                ..terms()
            },
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
                ..terms()
            },
        }
    }
}
