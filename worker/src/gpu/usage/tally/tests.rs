use super::*;
use crate::gpu::Slice;

const ONE: Address = Address([1; 32]);
const OTHER: Address = Address([2; 32]);

/// A GPU at one look: position, load in percent, watts.
type Seen = (u16, Option<u32>, Option<u32>);

/// A look: seconds since the first, what was seen, who held what.
type Look<'a> = (u64, &'a [Seen], &'a [(Address, &'a [u16])]);

/// What is tried, the looks, and what is told of either lease.
type Case<'a> = (&'a str, &'a [Look<'a>], Option<Usage>, Option<Usage>);

fn tally(looks: &[Look<'_>]) -> Tally {
    let mut tally = Tally::default();
    feed(&mut tally, looks);
    tally
}

fn feed(tally: &mut Tally, looks: &[Look<'_>]) {
    let begin = Instant::now();
    for (seconds, seen, holders) in looks {
        let reading = |(gpu, busy_percent, watts): &Seen| {
            let milliwatts = watts.map(|watts| watts * 1_000);
            (*gpu, Reading { busy_percent: *busy_percent, milliwatts, ..Reading::default() })
        };
        let readings = seen.iter().map(reading).collect();
        tally.take(begin + Duration::from_secs(*seconds), &readings, holders.iter().copied());
    }
}

/// Seconds, load in percent, joules, the most watts.
fn told(seconds: u64, busy_percent: u32, joules: u64, peak_watts: u64) -> Usage {
    Usage {
        measured_gpu_milliseconds: seconds * 1_000,
        busy_percent: Some(busy_percent),
        energy_millijoules: Some(joules * 1_000),
        peak_milliwatts: Some(peak_watts * 1_000),
        power_unknown: vec![],
    }
}

#[test]
fn each_lease_is_told_what_its_own_gpus_did_while_it_held_them() {
    let full = |gpu, watts| (gpu, Some(100), Some(watts));
    let idle = |gpu, watts| (gpu, Some(0), Some(watts));
    let alone: &[(Address, &[u16])] = &[(ONE, &[0])];
    let both: &[(Address, &[u16])] = &[(ONE, &[0, 2]), (OTHER, &[1])];
    let cases: [Case<'_>; 11] = [
        ("one look measures nothing", &[(0, &[full(0, 300)], alone)], None, None),
        (
            "each reading stands for the time before it, and counts by its length",
            &[(0, &[full(0, 300)], alone), (4, &[full(0, 200)], alone), (5, &[idle(0, 50)], alone)],
            Some(told(5, 80, 850, 200)),
            None,
        ),
        (
            "two leases on GPUs of their own",
            &[
                (0, &[idle(0, 1), idle(1, 1), idle(2, 1)], both),
                (5, &[full(0, 300), idle(1, 60), idle(2, 100)], both),
                (10, &[full(0, 300), full(1, 400), full(2, 100)], both),
            ],
            Some(told(20, 75, 4_000, 400)),
            Some(told(10, 50, 2_300, 400)),
        ),
        (
            "three looks may pass without a reading",
            &[(0, &[full(0, 100)], alone), (15, &[full(0, 100)], alone)],
            Some(told(15, 100, 1_500, 100)),
            None,
        ),
        (
            "a longer gap is not counted, and what comes after it is",
            &[(0, &[full(0, 100)], alone), (16, &[full(0, 900)], alone), (18, &[idle(0, 20)], alone)],
            Some(told(2, 0, 40, 20)),
            None,
        ),
        (
            "a gap of one GPU is not the other's",
            &[
                (0, &[full(0, 100), full(2, 100)], both),
                (10, &[full(0, 100)], both),
                (20, &[full(0, 100), full(2, 100)], both),
            ],
            Some(told(20, 100, 2_000, 100)),
            None,
        ),
        (
            "a power that is not told is named, and is no zero",
            &[(0, &[(0, Some(40), None)], alone), (5, &[(0, Some(40), None)], alone)],
            Some(Usage {
                energy_millijoules: None,
                peak_milliwatts: None,
                power_unknown: vec![0],
                ..told(5, 40, 0, 0)
            }),
            None,
        ),
        (
            "beside one that tells it",
            &[(0, &[full(0, 100), full(2, 1)], both), (5, &[full(0, 100), (2, None, None)], both)],
            Some(Usage { power_unknown: vec![2], ..told(10, 100, 500, 100) }),
            None,
        ),
        (
            "a load that is not told is no idle time",
            &[(0, &[full(0, 100)], alone), (5, &[(0, None, Some(100))], alone)],
            Some(Usage { busy_percent: None, ..told(5, 0, 500, 100) }),
            None,
        ),
        (
            "a lease that ends keeps its figures, and the next one on the GPU begins anew",
            &[
                (0, &[full(0, 300)], alone),
                (5, &[full(0, 300)], alone),
                (10, &[full(0, 900)], &[(OTHER, &[0])]),
                (15, &[idle(0, 50)], &[(OTHER, &[0])]),
            ],
            Some(told(5, 100, 1_500, 300)),
            Some(told(5, 0, 250, 50)),
        ),
        (
            "a look that is taken again begins nobody's time",
            &[
                (0, &[full(0, 100)], &[]),
                (0, &[full(0, 100)], alone),
                (5, &[full(0, 100)], alone),
                (5, &[full(0, 100)], alone),
                (10, &[full(0, 100)], alone),
            ],
            Some(told(5, 100, 500, 100)),
            None,
        ),
    ];
    for (what, looks, one, other) in cases {
        let tally = tally(looks);
        assert_eq!((tally.usage(ONE), tally.usage(OTHER)), (one, other), "{what}");
    }
}

#[test]
fn a_closed_lease_and_one_without_gpus_take_no_memory() {
    let holders: &[(Address, &[u16])] = &[(ONE, &[0]), (OTHER, &[])];
    let seen: &[Seen] = &[(0, Some(1), Some(1))];
    let mut tally = tally(&[(0, seen, holders), (5, seen, holders)]);
    assert_eq!(tally.usage(OTHER), None);
    tally.forget(ONE);
    assert_eq!(tally.usage(ONE), None);
    assert!(tally.leases.is_empty());
}

#[test]
fn a_slice_is_told_of_nothing_that_is_the_whole_gpus() {
    let slice = Some(Slice { of: "GPU-1".into(), profile: "1g.10gb".into() });
    let mut tally = Tally::of(&[Gpu::default(), Gpu { slice, ..Gpu::default() }]);
    let seen: &[Seen] = &[(0, Some(50), Some(100)), (1, Some(90), Some(300))];
    let holders: &[(Address, &[u16])] = &[(ONE, &[0]), (OTHER, &[1])];
    feed(&mut tally, &[(0, seen, holders), (5, seen, holders)]);
    assert_eq!(tally.usage(ONE), Some(told(5, 50, 500, 100)));
    let unknown = Usage { measured_gpu_milliseconds: 5_000, power_unknown: vec![1], ..Usage::default() };
    assert_eq!(tally.usage(OTHER), Some(unknown));
}
