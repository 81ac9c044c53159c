use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use millrace_protocol::Address;

use super::{Head, Rank, Share};
use crate::demands::DemandId;
use crate::market::Errand;

/// Whoever waits for nodes of one GPU class, or of any.
#[derive(Clone, Debug, Default)]
pub(super) struct Row {
    /// By line, with how many buyers wait in it.
    lines: BTreeMap<DemandId, (Errand, u32)>,
    buyers: BTreeMap<Address, Stall>,
    /// Each buyer, with what it is known to hold.
    order: BTreeSet<Head>,
}

/// The first job of a buyer in a line that suits, whose rank decides among lines.
pub(super) type Candidate = (Head, Rank, DemandId);

/// A buyer's part of a row.
#[derive(Clone, Debug)]
struct Stall {
    known: Share,
    /// Its first job in each line.
    heads: BTreeSet<(Rank, DemandId)>,
}

impl Row {
    pub(super) fn is_empty(&self) -> bool {
        self.buyers.is_empty()
    }

    /// The first head of a line that suits, of whoever holds least; none where it is not before the best
    /// that is known.
    pub(super) fn first(
        &mut self,
        best: Option<Candidate>,
        share: impl Fn(Address) -> Share,
        meets: impl Fn(&Errand) -> bool,
        mut suits: impl FnMut(DemandId) -> bool,
    ) -> Option<Candidate> {
        // In order of their numbers, so that the ones that come up are quickly found.
        let met: Vec<DemandId> =
            self.lines.iter().filter(|(_, (errand, _))| meets(errand)).map(|(demand, _)| *demand).collect();
        if met.is_empty() {
            return None;
        }
        let mut answers: Vec<Option<bool>> = vec![None; met.len()];
        let mut suits = |demand: DemandId| {
            met.binary_search(&demand).is_ok_and(|at| *answers[at].get_or_insert_with(|| suits(demand)))
        };
        let mut after = Bound::Unbounded;
        while let Some(head) = self.order.range((after, Bound::Unbounded)).next().copied() {
            if best.is_some_and(|(best, ..)| best < head) {
                break;
            }
            let (known, buyer) = head;
            after = Bound::Excluded(head);
            let now = share(buyer);
            if known != now {
                // It comes up again further back.
                self.hold(buyer, now);
                continue;
            }
            let Some(stall) = self.buyers.get(&buyer) else { continue };
            if let Some((rank, demand)) = stall.heads.iter().find(|(_, demand)| suits(*demand)) {
                return Some((head, *rank, *demand)).filter(|found| best.is_none_or(|best| *found < best));
            }
        }
        None
    }

    /// What the buyer holds now.
    pub(super) fn hold(&mut self, buyer: Address, share: Share) {
        self.change(buyer, share, |stall| stall.known = share);
    }

    /// The buyer's first job in a line is another one.
    pub(super) fn move_head(
        &mut self,
        (demand, errand): (DemandId, Errand),
        (buyer, share): (Address, Share),
        before: Option<Rank>,
        after: Option<Rank>,
    ) {
        let (_, buyers) = self.lines.entry(demand).or_insert((errand, 0));
        *buyers += u32::from(after.is_some());
        *buyers -= u32::from(before.is_some());
        if *buyers == 0 {
            self.lines.remove(&demand);
        }
        self.change(buyer, share, |stall| {
            if let Some(rank) = before {
                stall.heads.remove(&(rank, demand));
            }
            stall.heads.extend(after.map(|rank| (rank, demand)));
        });
    }

    fn change(&mut self, buyer: Address, share: Share, change: impl FnOnce(&mut Stall)) {
        let stall = self.buyers.entry(buyer).or_insert(Stall { known: share, heads: BTreeSet::new() });
        let head = |stall: &Stall| (!stall.heads.is_empty()).then_some((stall.known, buyer));
        let before = head(stall);
        change(stall);
        let after = head(stall);
        if after.is_none() {
            self.buyers.remove(&buyer);
        }
        if before != after {
            if let Some(head) = before {
                self.order.remove(&head);
            }
            self.order.extend(after);
        }
    }
}
