//! The SAGE token: an ERC-20 with a burn that only lowers the supply.

use starknet::ContractAddress;

#[starknet::interface]
pub trait ISage<T> {
    fn transfer(ref self: T, recipient: ContractAddress, amount: u256) -> bool;
    fn transfer_from(
        ref self: T, sender: ContractAddress, recipient: ContractAddress, amount: u256,
    ) -> bool;
    fn approve(ref self: T, spender: ContractAddress, amount: u256) -> bool;
    fn allowance(self: @T, owner: ContractAddress, spender: ContractAddress) -> u256;
    fn balance_of(self: @T, account: ContractAddress) -> u256;
    fn total_supply(self: @T) -> u256;
    fn decimals(self: @T) -> u8;
    fn burn_from_revenue(
        ref self: T, amount: u256, revenue_source: u256, execution_price: u256,
    );
}

#[starknet::contract]
pub mod Sage {
    use core::num::traits::Zero;
    use starknet::storage::{
        Map, StorageMapReadAccess, StorageMapWriteAccess, StoragePointerReadAccess,
        StoragePointerWriteAccess,
    };
    use starknet::{ContractAddress, get_caller_address};

    #[storage]
    struct Storage {
        supply: u256,
        balances: Map<ContractAddress, u256>,
        allowances: Map<(ContractAddress, ContractAddress), u256>,
    }

    #[event]
    #[derive(Drop, starknet::Event)]
    pub enum Event {
        Transfer: Transfer,
        Approval: Approval,
        Burn: Burn,
    }

    #[derive(Drop, starknet::Event)]
    pub struct Transfer {
        pub from: ContractAddress,
        pub to: ContractAddress,
        pub value: u256,
    }

    #[derive(Drop, starknet::Event)]
    pub struct Approval {
        pub owner: ContractAddress,
        pub spender: ContractAddress,
        pub value: u256,
    }

    #[derive(Drop, starknet::Event)]
    pub struct Burn {
        pub amount: u256,
        pub revenue_source: u256,
        pub execution_price: u256,
        pub burn_rate: u32,
    }

    #[constructor]
    fn constructor(ref self: ContractState, holder: ContractAddress, supply: u256) {
        self.supply.write(supply);
        self.balances.write(holder, supply);
    }

    #[abi(embed_v0)]
    impl SageImpl of super::ISage<ContractState> {
        fn transfer(ref self: ContractState, recipient: ContractAddress, amount: u256) -> bool {
            self.move_tokens(get_caller_address(), recipient, amount);
            true
        }

        fn transfer_from(
            ref self: ContractState,
            sender: ContractAddress,
            recipient: ContractAddress,
            amount: u256,
        ) -> bool {
            let spender = get_caller_address();
            let allowed = self.allowances.read((sender, spender));
            assert(allowed >= amount, 'Insufficient allowance');
            self.allowances.write((sender, spender), allowed - amount);
            self.move_tokens(sender, recipient, amount);
            true
        }

        fn approve(ref self: ContractState, spender: ContractAddress, amount: u256) -> bool {
            let owner = get_caller_address();
            self.allowances.write((owner, spender), amount);
            self.emit(Approval { owner, spender, value: amount });
            true
        }

        fn allowance(
            self: @ContractState, owner: ContractAddress, spender: ContractAddress,
        ) -> u256 {
            self.allowances.read((owner, spender))
        }

        fn balance_of(self: @ContractState, account: ContractAddress) -> u256 {
            self.balances.read(account)
        }

        fn total_supply(self: @ContractState) -> u256 {
            self.supply.read()
        }

        fn decimals(self: @ContractState) -> u8 {
            18
        }

        fn burn_from_revenue(
            ref self: ContractState, amount: u256, revenue_source: u256, execution_price: u256,
        ) {
            let supply = self.supply.read();
            assert(supply >= amount, 'Insufficient supply to burn');
            self.supply.write(supply - amount);
            self.emit(Burn { amount, revenue_source, execution_price, burn_rate: 0 });
        }
    }

    #[generate_trait]
    impl Internal of InternalTrait {
        fn move_tokens(
            ref self: ContractState, from: ContractAddress, to: ContractAddress, amount: u256,
        ) {
            assert(from.is_non_zero(), 'Transfer from zero address');
            assert(to.is_non_zero(), 'Transfer to zero address');
            let balance = self.balances.read(from);
            assert(balance >= amount, 'Insufficient balance');
            self.balances.write(from, balance - amount);
            self.balances.write(to, self.balances.read(to) + amount);
            self.emit(Transfer { from, to, value: amount });
        }
    }
}
