use millrace_protocol::{BasisPoints, Diagnostic, Error, GpuUnits, MicroUsdc, PricePerGpuHour, Seconds, money};
use serde_json::{Value, json};

use crate::check;

fn outcome(result: Result<MicroUsdc, Error>) -> Value {
    match result {
        Ok(amount) => json!({ "amount": amount.0.to_string() }),
        Err(error) => json!({ "refused": error.code() }),
    }
}

#[test]
fn costs_shares_and_how_money_is_written() {
    let cost = |(price, units, seconds): (u64, u16, u64)| {
        let outcome = outcome(money::cost(PricePerGpuHour(price), GpuUnits(units), Seconds(seconds)));
        json!({ "price": price.to_string(), "units": units, "seconds": seconds.to_string(), "is": outcome })
    };
    let share = |(amount, bps): (u64, u16)| {
        let outcome = outcome(money::share(MicroUsdc(amount), BasisPoints(bps)));
        json!({ "amount": amount.to_string(), "basisPoints": bps, "is": outcome })
    };
    let written = |amount: u64| json!({ "amount": amount.to_string(), "text": MicroUsdc(amount).to_string() });

    let costs = [
        (2_500_000, 1, 3_600),
        (2_500_000, 8, 3_600),
        (2_500_000, 1, 1),
        (1, 1, 3_599),
        (1, 1, 3_600),
        (3_599, 1, 1),
        (3_601, 1, 1),
        (999_999, 7, 12_345),
        (0, 1, 3_600),
        (2_500_000, 1, 0),
        (u64::MAX, 1, 3_600),
        (u64::MAX, 1, 3_601),
        (u64::MAX, 2, 3_600),
        (u64::MAX, u16::MAX, u64::MAX),
    ];
    let shares = [
        (60_000, 500),
        (19, 500),
        (20, 500),
        (21, 500),
        (1, 9_999),
        (1, 10_000),
        (0, 10_000),
        (u64::MAX, 10_000),
        (u64::MAX, 1_500),
        (1, 10_001),
    ];
    let texts = [0, 1, 999_999, 1_000_000, 12_500_000, u64::MAX];
    let all = json!({ "costs": costs.map(cost), "shares": shares.map(share), "written": texts.map(written) });
    check("tests/vectors/money.json", &all);
}
