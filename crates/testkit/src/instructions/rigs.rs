use millrace::types::NodeOffer;
use millrace::{SetNodeStatusArgs, UpdateNodeArgs, accounts, instruction};
use solana_keypair::Keypair;
use solana_signer::Signer;

use crate::{Call, Environment, NodeHandle, Receipt};

impl Environment {
    pub fn remove_node(&self, node: &NodeHandle) -> Call<accounts::RemoveNode, instruction::RemoveNode> {
        let accounts = accounts::RemoveNode {
            owner: node.provider.owner.address(),
            provider: node.provider.address,
            node: node.address,
            rent_payer: node.provider.owner.address(),
            event_authority: Self::event_authority(),
            program: millrace::ID,
        };
        Call::new(accounts, instruction::RemoveNode {}, &[&node.provider.owner.key])
    }

    pub fn do_remove_node(&mut self, node: &NodeHandle) -> Receipt {
        let call = self.remove_node(node);
        self.send(&call).expect("remove_node")
    }

    pub fn rotate_node_key(
        &self,
        node: &NodeHandle,
        next: &Keypair,
    ) -> Call<accounts::RotateNodeKey, instruction::RotateNodeKey> {
        let accounts = accounts::RotateNodeKey {
            owner: node.provider.owner.address(),
            provider: node.provider.address,
            node_key: next.pubkey(),
            node: node.address,
            event_authority: Self::event_authority(),
            program: millrace::ID,
        };
        Call::new(accounts, instruction::RotateNodeKey {}, &[&node.provider.owner.key, next])
    }

    pub fn do_rotate_node_key(&mut self, node: &NodeHandle, next: &Keypair) -> Receipt {
        let call = self.rotate_node_key(node, next);
        self.send(&call).expect("rotate_node_key")
    }

    pub fn set_node_status(
        &self,
        node: &NodeHandle,
        draining: bool,
    ) -> Call<accounts::SetNodeStatus, instruction::SetNodeStatus> {
        let accounts = accounts::SetNodeStatus {
            owner: node.provider.owner.address(),
            provider: node.provider.address,
            node: node.address,
            event_authority: Self::event_authority(),
            program: millrace::ID,
        };
        Call::new(
            accounts,
            instruction::SetNodeStatus { args: SetNodeStatusArgs { draining } },
            &[&node.provider.owner.key],
        )
    }

    pub fn do_set_node_status(&mut self, node: &NodeHandle, draining: bool) -> Receipt {
        let call = self.set_node_status(node, draining);
        self.send(&call).expect("set_node_status")
    }

    pub fn update_node(
        &self,
        node: &NodeHandle,
        offer: NodeOffer,
    ) -> Call<accounts::UpdateNode, instruction::UpdateNode> {
        let accounts = accounts::UpdateNode {
            owner: node.provider.owner.address(),
            provider: node.provider.address,
            node: node.address,
            event_authority: Self::event_authority(),
            program: millrace::ID,
        };
        Call::new(accounts, instruction::UpdateNode { args: UpdateNodeArgs { offer } }, &[&node.provider.owner.key])
    }

    pub fn do_update_node(&mut self, node: &NodeHandle, offer: NodeOffer) -> Receipt {
        let call = self.update_node(node, offer);
        self.send(&call).expect("update_node")
    }

    /// What a node offers at present.
    pub fn offer(&self, node: &NodeHandle) -> NodeOffer {
        NodeOffer::of(&self.node(&node.address))
    }
}
