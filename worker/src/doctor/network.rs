use super::Finding;
use crate::container::Error;

pub(super) fn judge(fence: Result<(), Error>) -> Finding {
    match fence {
        Ok(()) => Finding::good("jobs with a network", "reach nothing near the rig"),
        Err(error) => {
            let fix = "`apt-get install nftables`, and run the worker as root or as the service of `millrace worker install`; or `--no-network`";
            Finding::less("jobs with a network", format!("none is taken: {error}"), fix)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Grade;

    #[test]
    fn a_rig_without_a_fence_works_with_less() {
        assert_eq!(judge(Ok(())).grade, Grade::Good);
        let finding = judge(Err(Error::Unfenced { reason: "nft: No such file or directory".into() }));
        assert_eq!(finding.grade, Grade::Less);
        assert!(finding.found.contains("nft: No such file") && finding.fix.unwrap().contains("nftables"));
    }
}
