//! What a job asks for beyond price and hardware, in words.

use millrace_protocol::{HardwareClass, JobTerms, Payment, Seconds, ServiceLevel, Verification};

use super::duration::duration;

/// Each term that a plain job does not have; empty for one that is paid as it runs and attested by the
/// scheduler.
pub fn special(terms: &JobTerms) -> Vec<String> {
    let mut words = Vec::new();
    if terms.spot {
        words.push("spot".to_owned());
    }
    match terms.service_level {
        ServiceLevel::None => {}
        ServiceLevel::Silver => words.push("service level silver".to_owned()),
        ServiceLevel::Gold => words.push("service level gold".to_owned()),
    }
    if terms.payment == Payment::OnResult {
        words.push("paid on result".to_owned());
    }
    match terms.verification {
        Verification::Attested => {}
        Verification::SpotCheck { share } => words.push(format!("{}.{:02} % run twice", share.0 / 100, share.0 % 100)),
        Verification::Quorum { needed, size } => words.push(format!("{needed} of {size} must agree")),
        Verification::AttestedHardware { class } => words.push(format!("hardware {}", class_name(class))),
    }
    if terms.dispute_window > Seconds::ZERO {
        words.push(format!("disputable for {}", duration(terms.dispute_window)));
    }
    words
}

/// How an attestation of hardware is called.
pub fn class_name(class: HardwareClass) -> &'static str {
    match class {
        HardwareClass::Claimed => "claimed",
        HardwareClass::Challenged => "challenged",
        HardwareClass::Enclave => "enclave",
    }
}

#[cfg(test)]
mod tests {
    use millrace_protocol::BasisPoints;

    use super::*;
    use crate::views::job::tests::terms;

    #[test]
    fn a_plain_job_is_nothing_special() {
        assert_eq!(special(&terms()), Vec::<String>::new());
    }

    #[test]
    fn each_further_term_has_its_words() {
        let dispute_window = Seconds(3_600);
        let verification = Verification::SpotCheck { share: BasisPoints(1_050) };
        let spot = JobTerms { spot: true, dispute_window, verification, ..terms() };
        assert_eq!(special(&spot), ["spot", "10.50 % run twice", "disputable for 1h"]);
        let verification = Verification::Quorum { needed: 2, size: 3 };
        let quorum = JobTerms { payment: Payment::OnResult, verification, ..terms() };
        assert_eq!(special(&quorum), ["paid on result", "2 of 3 must agree"]);
        let verification = Verification::AttestedHardware { class: HardwareClass::Enclave };
        let attested = JobTerms { service_level: ServiceLevel::Gold, verification, ..terms() };
        assert_eq!(special(&attested), ["service level gold", "hardware enclave"]);
    }
}
