use millrace_client::{Keypair, SignedVoucher, address};
use millrace_protocol::voucher::{ExitClass, Voucher};
use millrace_protocol::{Address, Seconds};
use serde_json::{Value, json};

use crate::check;

/// Of the attestor; any other 32 bytes would do.
const SECRET: [u8; 32] = [42; 32];

fn case(voucher: Voucher) -> Value {
    let signed = SignedVoucher::sign(voucher, &Keypair::new_from_array(SECRET));
    let message = voucher.encode();
    let check = millrace::precompile::instruction_data(&signed.attestor.0, &signed.signature, &message);
    json!({
        "voucher": {
            "program": voucher.program.to_string(),
            "lease": voucher.lease.to_string(),
            "sequence": voucher.sequence.to_string(),
            "meteredSeconds": voucher.metered.0.to_string(),
            "downtimeSeconds": voucher.downtime.0.to_string(),
            "isFinal": voucher.is_final,
            "exitClass": voucher.exit_class as u8,
            "resultRoot": hex::encode(voucher.result_root),
        },
        "message": hex::encode(message),
        "attestor": signed.attestor.to_string(),
        "signature": hex::encode(signed.signature),
        "signatureCheck": hex::encode(check),
    })
}

#[test]
fn vouchers_and_their_signatures() {
    let first = Voucher {
        program: address::program(),
        lease: Address([3; 32]),
        sequence: 1,
        metered: Seconds(30),
        downtime: Seconds(0),
        is_final: false,
        exit_class: ExitClass::Completed,
        result_root: [0; 32],
    };
    let last = |class| Voucher {
        sequence: u64::MAX,
        metered: Seconds(86_400),
        downtime: Seconds(17),
        is_final: true,
        exit_class: class,
        result_root: [0xab; 32],
        ..first
    };
    let classes = [ExitClass::Completed, ExitClass::Failed, ExitClass::Released, ExitClass::NodeFault];
    let vouchers: Vec<_> = [first].into_iter().chain(classes.map(last)).map(case).collect();
    check("tests/vectors/vouchers.json", &json!({ "secret": hex::encode(SECRET), "cases": vouchers }));
}
