use millrace_protocol::Address;
use millrace_spec::{Sha256, sha256};
use serde::{Deserialize, Serialize};

/// What a node's GPUs have shown by answering a challenge, all at the same time. Stored, and told to
/// whoever asks: its digest is what stands on chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    pub gpus: Vec<GpuEvidence>,
    /// SHA-256 of the driver's library, in the worker's word; zeros where a processor answered.
    pub driver: Sha256,
    /// A processor answered: it shows nothing about any GPU.
    pub simulated: bool,
    /// Thousandths of the deadline that the slowest GPU left.
    pub score: u16,
}

/// One GPU's part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GpuEvidence {
    pub gpu: String,
    pub nonce: Sha256,
    pub tiles: u32,
    /// Of the Merkle tree that the GPU committed itself to.
    pub root: Sha256,
    /// Milliseconds from the challenge to the commitment, network included.
    pub took: u64,
}

impl Evidence {
    /// SHA-256 of `"millrace gpu evidence v1" ‖ node ‖ driver ‖ simulated ‖ number of GPUs` and of each GPU's
    /// `length of UUID ‖ UUID ‖ nonce ‖ tiles ‖ root ‖ milliseconds`. Numbers have 8 bytes, lowest first.
    pub fn digest(&self, node: Address) -> Sha256 {
        let mut bytes = b"millrace gpu evidence v1".to_vec();
        bytes.extend(node.0);
        bytes.extend(self.driver.0);
        bytes.extend(u64::from(self.simulated).to_le_bytes());
        bytes.extend((self.gpus.len() as u64).to_le_bytes());
        for gpu in &self.gpus {
            bytes.extend((gpu.gpu.len() as u64).to_le_bytes());
            bytes.extend(gpu.gpu.as_bytes());
            bytes.extend(gpu.nonce.0);
            bytes.extend(u64::from(gpu.tiles).to_le_bytes());
            bytes.extend(gpu.root.0);
            bytes.extend(gpu.took.to_le_bytes());
        }
        sha256(&bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_of_the_evidence_changes_its_digest() {
        let gpu = |name: &str| GpuEvidence {
            gpu: name.to_owned(),
            nonce: Sha256([1; 32]),
            tiles: 8,
            root: Sha256([2; 32]),
            took: 900,
        };
        let good = Evidence { gpus: vec![gpu("GPU-1")], driver: Sha256([3; 32]), simulated: false, score: 970 };
        let node = Address([4; 32]);
        let with = |change: fn(&mut Evidence)| {
            let mut other = good.clone();
            change(&mut other);
            other.digest(node)
        };
        let others = [
            good.digest(Address([5; 32])),
            with(|other| other.driver.0[0] = 0),
            with(|other| other.simulated = true),
            with(|other| other.gpus.clear()),
            with(|other| other.gpus[0].gpu.push('0')),
            with(|other| other.gpus[0].nonce.0[0] = 0),
            with(|other| other.gpus[0].tiles = 10),
            with(|other| other.gpus[0].root.0[0] = 0),
            with(|other| other.gpus[0].took = 901),
        ];
        assert!(others.iter().all(|digest| *digest != good.digest(node)));
    }
}
