//! What moves a live lease's deadlines.

use millrace::events;
use millrace_protocol::{Address, MicroUsdc, Seconds, UnixSeconds};

use super::{JobEvent, read};
use crate::address::address;

impl JobEvent {
    pub(super) fn decode_course(bytes: &[u8]) -> Option<(Address, Self)> {
        if let Some(event) = read::<events::LeaseExtended>(bytes) {
            let extended = Self::LeaseExtended {
                lease: address(event.lease),
                node: address(event.node),
                maximum: Seconds(event.maximum_seconds_after),
                reserved: MicroUsdc(event.reserved_after),
                at: UnixSeconds(event.at),
            };
            return Some((address(event.job), extended));
        }
        if let Some(event) = read::<events::LeaseStartExtended>(bytes) {
            let extended = Self::StartExtended {
                lease: address(event.lease),
                node: address(event.node),
                start_by: UnixSeconds(event.start_by_after),
                at: UnixSeconds(event.at),
            };
            return Some((address(event.job), extended));
        }
        if let Some(event) = read::<events::LeaseHeld>(bytes) {
            let held = Self::LeaseHeld {
                lease: address(event.lease),
                node: address(event.node),
                checkpoint_by: UnixSeconds(event.checkpoint_by_after),
                at: UnixSeconds(event.at),
            };
            return Some((address(event.job), held));
        }
        let event = read::<events::PreemptionNoticed>(bytes)?;
        let noticed = Self::PreemptionNoticed {
            lease: address(event.lease),
            node: address(event.node),
            preempted_at: UnixSeconds(event.preempted_at),
            at: UnixSeconds(event.at),
        };
        Some((address(event.job), noticed))
    }
}
