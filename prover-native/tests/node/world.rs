//! The four contracts on a node, with accounts in their roles.

use std::io::Read;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use starknet_rust::accounts::{
    Account as _, ConnectedAccount as _, ExecutionEncoding, SingleOwnerAccount,
};
use starknet_rust::contract::UdcSelector;
use starknet_rust::core::types::contract::{CompiledClass, SierraClass};
use starknet_rust::core::types::{BlockId, BlockTag, Call as NodeCall, Felt as NodeFelt};
use starknet_rust::core::utils::{UdcUniqueness, get_selector_from_name, get_udc_deployed_address};
use starknet_rust::providers::jsonrpc::{HttpTransport, JsonRpcClient};
use starknet_rust::providers::{Provider as _, Url};
use starknet_rust::signers::{LocalWallet, SigningKey};
use stwo_ml::starknet::account::Account;
use stwo_ml::starknet::events::Contracts;
use stwo_ml::starknet::plan::Chain;
use stwo_ml::starknet::rpc::{Patience, Rpc};
use stwo_ml_verifier::starknet::{Addresses, Call, Felt, Job, U256, felt, short_string};

use crate::devnet::{Devnet, Funded};

/// Accounts that a node is started with; every world takes two.
const ACCOUNTS: &str = "80";

/// Addresses that only receive.
pub(crate) const WORKER: u64 = 0x1001;
pub(crate) const CLIENT: u64 = 0x1002;
pub(crate) const STAKERS: u64 = 0x1003;
pub(crate) const TREASURY: u64 = 0x1004;

/// One SAGE.
pub(crate) const SAGE: u128 = 1_000_000_000_000_000_000;

type Sender = SingleOwnerAccount<Arc<JsonRpcClient<HttpTransport>>, LocalWallet>;

/// A node with the classes declared.
pub(crate) struct Node {
    pub(crate) devnet: Devnet,
    classes: [NodeFelt; 4],
    taken: AtomicUsize,
    runtime: tokio::runtime::Runtime,
}

/// How the contracts are set up.
#[derive(Clone, Copy)]
pub(crate) struct Setup {
    /// The verifier calls the gate back; then the operator owns the contracts.
    pub(crate) callback: bool,
    /// Worker, protocol, burn, treasury, stakers.
    pub(crate) fees: [u32; 5],
    /// SAGE of the operator.
    pub(crate) balance: u128,
    /// SAGE of the router.
    pub(crate) router: u128,
    /// Allowance of the router.
    pub(crate) allowance: u128,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            callback: false,
            fees: [8000, 2000, 0, 9000, 1000],
            balance: 1000 * SAGE,
            router: 100 * SAGE,
            allowance: 100 * SAGE,
        }
    }
}

/// Contracts of their own on a node.
pub(crate) struct World {
    pub(crate) node: &'static Node,
    pub(crate) contracts: Contracts,
    /// Owner of the contracts and of all SAGE.
    pub(crate) owner: Funded,
    /// Who submits.
    pub(crate) operator: Funded,
}

fn node_felt(felt: &Felt) -> NodeFelt {
    NodeFelt::from_bytes_be(&felt.to_bytes_be())
}

fn our_felt(felt: &NodeFelt) -> Felt {
    Felt::from_bytes_be(&felt.to_bytes_be()).unwrap()
}

pub(crate) fn selector(name: &str) -> Felt {
    our_felt(&get_selector_from_name(name).unwrap())
}

/// A call with small arguments.
pub(crate) fn call(to: Felt, name: &str, calldata: &[Felt]) -> Call {
    Call {
        to,
        selector: selector(name),
        calldata: calldata.to_vec(),
    }
}

/// A `u256` below `2^128` as two felts.
pub(crate) fn wide(value: u128) -> [Felt; 2] {
    U256::from(value).felts()
}

/// The node that tests share.
pub(crate) fn shared() -> &'static Node {
    static NODE: OnceLock<Node> = OnceLock::new();
    NODE.get_or_init(|| Node::new(Devnet::start(0, &["--accounts", ACCOUNTS])))
}

impl Node {
    /// Declares the classes with the last account.
    pub(crate) fn new(devnet: Devnet) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let mut node = Self {
            devnet,
            classes: [NodeFelt::ZERO; 4],
            taken: AtomicUsize::new(0),
            runtime,
        };
        let declarer = node.devnet.accounts.last().unwrap().clone();
        node.classes = [
            "sage",
            "stwo_verifier",
            "proof_gated_payment",
            "payment_router",
        ]
        .map(|name| node.declare(&declarer, name));
        node
    }

    fn sender(&self, account: &Funded) -> Sender {
        let url = Url::parse(&self.devnet.url()).unwrap();
        let provider = Arc::new(JsonRpcClient::new(HttpTransport::new(url)));
        let key = SigningKey::from_secret_scalar(NodeFelt::from_hex(&account.key).unwrap());
        let address = NodeFelt::from_hex(&account.address).unwrap();
        let chain = NodeFelt::from_bytes_be_slice(b"SN_SEPOLIA");
        let mut sender = SingleOwnerAccount::new(
            provider,
            LocalWallet::from(key),
            address,
            chain,
            ExecutionEncoding::New,
        );
        sender.set_block_id(BlockId::Tag(BlockTag::PreConfirmed));
        sender
    }

    fn declare(&self, account: &Funded, name: &str) -> NodeFelt {
        let sierra: SierraClass = serde_json::from_slice(&class(name, "sierra")).unwrap();
        let casm: CompiledClass = serde_json::from_slice(&class(name, "casm")).unwrap();
        let sierra = sierra.flatten().unwrap();
        let hash = sierra.class_hash();
        let compiled = casm.class_hash().unwrap();
        let sender = self.sender(account);
        self.runtime.block_on(async {
            let declared = sender
                .declare_v3(Arc::new(sierra), compiled)
                .tip(0)
                .send()
                .await
                .unwrap();
            assert_eq!(declared.class_hash, hash);
            let receipt = sender
                .provider()
                .get_transaction_receipt(declared.transaction_hash)
                .await
                .unwrap();
            assert!(receipt.receipt.execution_result().revert_reason().is_none());
        });
        hash
    }

    /// Sends calls as they are, whatever they do. Returns the transaction's hash and the node's words
    /// if it was reverted.
    pub(crate) fn send(&self, account: &Funded, calls: &[Call]) -> (Felt, Option<String>) {
        let calls = calls.iter().map(|call| NodeCall {
            to: node_felt(&call.to),
            selector: node_felt(&call.selector),
            calldata: call.calldata.iter().map(node_felt).collect(),
        });
        self.execute(account, calls.collect())
    }

    fn execute(&self, account: &Funded, calls: Vec<NodeCall>) -> (Felt, Option<String>) {
        let sender = self.sender(account);
        self.runtime.block_on(async {
            // Bounds of our own: an estimate would refuse what is going to be reverted.
            let execution = sender
                .execute_v3(calls)
                .tip(0)
                .l1_gas(0)
                .l1_gas_price(1 << 40)
                .l1_data_gas(1 << 20)
                .l1_data_gas_price(1 << 40)
                .l2_gas(1_100_000_000)
                .l2_gas_price(1 << 32);
            let sent = execution.send().await.unwrap();
            let receipt = sender
                .provider()
                .get_transaction_receipt(sent.transaction_hash)
                .await
                .unwrap();
            let reason = receipt
                .receipt
                .execution_result()
                .revert_reason()
                .map(str::to_owned);
            (our_felt(&sent.transaction_hash), reason)
        })
    }
}

fn class(name: &str, kind: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/contracts/classes");
    let file = std::fs::File::open(folder.join(format!("{name}.{kind}.json.gz"))).unwrap();
    let mut bytes = Vec::new();
    flate2::read::GzDecoder::new(file)
        .read_to_end(&mut bytes)
        .unwrap();
    bytes
}

impl World {
    /// Deploys and sets up contracts on the shared node.
    pub(crate) fn new(setup: Setup) -> Self {
        Self::on(shared(), setup)
    }

    /// Deploys and sets up contracts on a node.
    pub(crate) fn on(node: &'static Node, setup: Setup) -> Self {
        let first = node.taken.fetch_add(2, Ordering::Relaxed);
        let accounts = &node.devnet.accounts;
        assert!(
            first + 2 < accounts.len(),
            "too few accounts for these tests"
        );
        let owner = accounts[first].clone();
        let operator = if setup.callback {
            owner.clone()
        } else {
            accounts[first + 1].clone()
        };
        let [owner_felt, operator_felt] = [&owner, &operator].map(|a| felt(&a.address).unwrap());

        let salt = NodeFelt::from(first as u64);
        let mut calls = Vec::new();
        let mut deploy = |class: NodeFelt, arguments: &[Felt]| {
            let arguments: Vec<NodeFelt> = arguments.iter().map(node_felt).collect();
            let unique = UdcUniqueness::NotUnique;
            let address = get_udc_deployed_address(salt, class, &unique, &arguments);
            let mut calldata = vec![class, salt, NodeFelt::ZERO, arguments.len().into()];
            calldata.extend(arguments);
            let selector = get_selector_from_name("deployContract").unwrap();
            calls.push(NodeCall {
                to: UdcSelector::New.address(),
                selector,
                calldata,
            });
            our_felt(&address)
        };
        let [sage, verifier, gate, router] = node.classes;
        let supply = wide(1_000_000 * SAGE);
        let token = deploy(sage, &[owner_felt, supply[0], supply[1]]);
        let small = |n: u32| Felt::from(n);
        let verifier = deploy(
            verifier,
            &[owner_felt, small(128), small(262_144), small(0)],
        );
        let gate = deploy(gate, &[owner_felt, operator_felt]);
        let router = deploy(
            router,
            &[owner_felt, token, STAKERS.into(), TREASURY.into()],
        );
        assert_eq!(node.execute(&owner, calls).1, None);
        let addresses = Addresses {
            gate,
            verifier,
            router,
            token,
        };
        let fee_token =
            felt("0x4718f5a0fc34cc1af16a1cdee98ffb20c31f5cd61d6ab07201858f4287c938d").unwrap();
        let world = Self {
            node,
            contracts: Contracts {
                addresses,
                fee_token,
            },
            owner,
            operator,
        };

        let submitter = if setup.callback { gate } else { operator_felt };
        let fees = setup.fees.map(Felt::from);
        let mut calls = vec![
            call(
                gate,
                "configure",
                &[router, operator_felt, operator_felt, verifier],
            ),
            call(router, "set_authorized_submitter", &[submitter]),
            call(router, "set_fee_distribution", &fees),
            world.transfer(router, setup.router),
        ];
        if setup.callback {
            calls.push(call(verifier, "set_verification_callback", &[gate]));
        } else {
            calls.push(world.transfer(operator_felt, setup.balance));
        }
        world.own(&calls);
        world.operate(&[world.approve(setup.allowance)]);
        world
    }

    pub(crate) fn transfer(&self, to: Felt, amount: u128) -> Call {
        let [low, high] = wide(amount);
        call(self.contracts.addresses.token, "transfer", &[to, low, high])
    }

    pub(crate) fn approve(&self, amount: u128) -> Call {
        let [low, high] = wide(amount);
        call(
            self.contracts.addresses.token,
            "approve",
            &[self.contracts.addresses.router, low, high],
        )
    }

    /// Has the owner send calls, which must succeed.
    pub(crate) fn own(&self, calls: &[Call]) {
        let (_, reason) = self.node.send(&self.owner, calls);
        assert_eq!(reason, None);
    }

    /// Has the operator send calls, which must succeed.
    pub(crate) fn operate(&self, calls: &[Call]) {
        let (_, reason) = self.node.send(&self.operator, calls);
        assert_eq!(reason, None);
    }

    /// A client that does not wait long.
    pub(crate) fn chain(&self) -> Chain {
        self.chain_at(&self.node.devnet.url(), quick())
    }

    /// A client of the node behind another URL.
    pub(crate) fn chain_at(&self, url: &str, patience: Patience) -> Chain {
        Chain::connect(Rpc::new(url, patience).unwrap(), chain_id(), self.contracts).unwrap()
    }

    /// The operator, as the client has it.
    pub(crate) fn account(&self) -> Account {
        account(&self.operator)
    }

    /// A balance in SAGE.
    pub(crate) fn balance(&self, of: Felt) -> U256 {
        let answer = self
            .chain()
            .rpc()
            .call(self.contracts.addresses.token, "balance_of", &[of])
            .unwrap();
        U256::from_felts(answer[0], answer[1]).unwrap()
    }
}

pub(crate) fn account(funded: &Funded) -> Account {
    Account::new(felt(&funded.address).unwrap(), &funded.key).unwrap()
}

pub(crate) fn chain_id() -> Felt {
    short_string("SN_SEPOLIA").unwrap()
}

/// Short pauses: the node is near.
pub(crate) fn quick() -> Patience {
    use std::time::Duration;
    Patience {
        answer: Duration::from_secs(60),
        attempts: 8,
        pause: Duration::from_millis(20),
        poll: Duration::from_millis(50),
        acceptance: Duration::from_secs(120),
    }
}

/// A job of 10 SAGE.
pub(crate) fn job(id: u128) -> Job {
    Job {
        id: id.into(),
        worker: WORKER.into(),
        client: CLIENT.into(),
        amount: (10 * SAGE).into(),
        usd: SAGE.into(),
        privacy: false,
    }
}
