use anchor_lang::system_program;
use millrace::{AddNodeArgs, AddStakeArgs, RegisterProviderArgs, accounts, instruction};
use millrace_protocol::{Hardware, MicroUsdc, PricePerGpuHour, ServiceLevel, seeds};
use solana_keypair::Keypair;
use solana_signer::Signer;

use crate::{Call, Environment, NodeHandle, ProviderHandle, Receipt, Wallet, builders};

impl Environment {
    /// The accounts that `owner` has, or will have, as a provider.
    pub fn provider_of(owner: &Wallet) -> ProviderHandle {
        let address = Self::derive(&[seeds::PROVIDER, owner.address().as_ref()]);
        ProviderHandle {
            owner: owner.clone(),
            address,
            stake_vault: Self::derive(&[seeds::STAKE_VAULT, address.as_ref()]),
            earnings_vault: Self::derive(&[seeds::EARNINGS_VAULT, address.as_ref()]),
        }
    }

    pub fn register_provider(
        &self,
        owner: &Wallet,
        display_name: &str,
    ) -> Call<accounts::RegisterProvider, instruction::RegisterProvider> {
        let provider = Self::provider_of(owner);
        let (_, provider_bump) = Self::find(&[seeds::PROVIDER, owner.address().as_ref()]);
        let (_, stake_vault_bump) = Self::find(&[seeds::STAKE_VAULT, provider.address.as_ref()]);
        let (_, earnings_vault_bump) = Self::find(&[seeds::EARNINGS_VAULT, provider.address.as_ref()]);
        let accounts = accounts::RegisterProvider {
            config: Self::config_address(),
            owner: owner.address(),
            provider: provider.address,
            mint: self.mint,
            stake_vault: provider.stake_vault,
            earnings_vault: provider.earnings_vault,
            token_program: anchor_spl::token::ID,
            system_program: system_program::ID,
            event_authority: Self::event_authority(),
            program: millrace::ID,
        };
        let display_name = RegisterProviderArgs::padded(display_name);
        let args = RegisterProviderArgs { display_name, provider_bump, stake_vault_bump, earnings_vault_bump };
        Call::new(accounts, instruction::RegisterProvider { args }, &[&owner.key])
    }

    pub fn do_register_provider(&mut self, owner: &Wallet) -> ProviderHandle {
        let call = self.register_provider(owner, "Mill by the race");
        self.send(&call).expect("register_provider");
        Self::provider_of(owner)
    }

    pub fn add_stake(
        &self,
        provider: &ProviderHandle,
        amount: MicroUsdc,
    ) -> Call<accounts::AddStake, instruction::AddStake> {
        let accounts = accounts::AddStake {
            owner: provider.owner.address(),
            provider: provider.address,
            owner_tokens: provider.owner.tokens,
            stake_vault: provider.stake_vault,
            token_program: anchor_spl::token::ID,
            event_authority: Self::event_authority(),
            program: millrace::ID,
        };
        Call::new(accounts, instruction::AddStake { args: AddStakeArgs { amount: amount.0 } }, &[&provider.owner.key])
    }

    pub fn do_add_stake(&mut self, provider: &ProviderHandle, amount: MicroUsdc) -> Receipt {
        let call = self.add_stake(provider, amount);
        self.send(&call).expect("add_stake")
    }

    pub fn add_node(
        &self,
        provider: &ProviderHandle,
        node_key: &Keypair,
        hardware: Hardware,
        price: PricePerGpuHour,
    ) -> Call<accounts::AddNode, instruction::AddNode> {
        let index = self.provider(&provider.address).nodes_added;
        let (node, node_bump) = Self::find(&[seeds::NODE, provider.address.as_ref(), &index.to_le_bytes()]);
        let accounts = accounts::AddNode {
            owner: provider.owner.address(),
            provider: provider.address,
            node_key: node_key.pubkey(),
            node,
            system_program: system_program::ID,
            event_authority: Self::event_authority(),
            program: millrace::ID,
        };
        let args = AddNodeArgs {
            hardware: hardware.into(),
            driver: 570_086,
            cuda: 12_008,
            capabilities: 0,
            price: price.0,
            spot_price: price.0 / 2,
            service_level: ServiceLevel::Gold as u8,
            node_bump,
        };
        Call::new(accounts, instruction::AddNode { args }, &[&provider.owner.key, node_key])
    }

    pub fn do_add_node(&mut self, provider: &ProviderHandle, hardware: Hardware, price: PricePerGpuHour) -> NodeHandle {
        let key = self.key();
        let call = self.add_node(provider, &key, hardware, price);
        let address = call.accounts.node;
        self.send(&call).expect("add_node");
        NodeHandle { address, key, provider: provider.clone() }
    }

    /// A new provider with `stake` and one node of the default hardware at 3.60 USDC.
    pub fn rig(&mut self, stake: MicroUsdc) -> NodeHandle {
        let owner = self.wallet(stake);
        let provider = self.do_register_provider(&owner);
        self.do_add_stake(&provider, stake);
        self.do_add_node(&provider, builders::hardware(), PricePerGpuHour(3_600_000))
    }
}
