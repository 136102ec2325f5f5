//! The account that submits: its address, its key, and what it signs.
//!
//! An account file is JSON: `{"address": "0x...", "keystore": "key.json"}`. The keystore (Web3
//! Secret Storage, path relative to the file) is decrypted with the password in the environment
//! variable [`PASSWORD_VARIABLE`]. Without `keystore` the key itself is in the environment variable
//! [`KEY_VARIABLE`]. A key or password is never an argument, never printed, never written.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use starknet_rust::accounts::{
    Account as _, AccountError as NodeAccountError, ExecutionEncoding, SingleOwnerAccount,
};
use starknet_rust::core::types::{
    BroadcastedInvokeTransaction, Call as NodeCall, ExecuteInvocation, Felt as NodeFelt,
    FunctionInvocation, TransactionTrace,
};
use starknet_rust::providers::ProviderError;
use starknet_rust::signers::{LocalWallet, SigningKey};
use stwo_ml_verifier::starknet::{Call, Felt};

use super::events::RawEvent;
use super::fee::{Bounds, Estimate};
use super::rpc::{At, Node, Rpc, RpcError, node, ours};

/// Environment variable with the private key, hexadecimal.
pub const KEY_VARIABLE: &str = "STWO_ML_PRIVATE_KEY";
/// Environment variable with the keystore's password.
pub const PASSWORD_VARIABLE: &str = "STWO_ML_KEYSTORE_PASSWORD";

/// Why there is no account. None of these contains a key or a password.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AccountError {
    /// The account file cannot be read.
    #[error("{}: {reason}; an account file is {{\"address\": \"0x...\", \"keystore\": \"key.json\"}}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The keystore cannot be decrypted.
    #[error("{}: {reason}", path.display())]
    Keystore {
        /// The keystore.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// An environment variable is missing.
    #[error("the environment variable {name} is not set: it holds the {what}")]
    Variable {
        /// The variable.
        name: &'static str,
        /// What it is for.
        what: &'static str,
    },
    /// The key is not one.
    #[error(
        "the {origin} is not a private key: a hexadecimal number, not zero, below the order of the STARK curve"
    )]
    Key {
        /// Where it is from.
        origin: &'static str,
    },
    /// The key cannot sign.
    #[error("the key cannot sign: {reason}")]
    Sign {
        /// Why.
        reason: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AccountFile {
    address: String,
    keystore: Option<PathBuf>,
}

/// An account. It shows its address and never its key.
#[derive(Clone)]
pub struct Account {
    address: Felt,
    key: SigningKey,
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account")
            .field("address", &self.address)
            .field("key", &"...")
            .finish()
    }
}

/// What a simulation says.
#[derive(Clone, Debug)]
pub struct Simulation {
    /// The fee.
    pub estimate: Estimate,
    /// Events in their order; or the node's words if the transaction would be reverted.
    pub events: Result<Vec<RawEvent>, String>,
    /// L2 gas of each call; without what validating and charging take.
    pub call_gas: Vec<u64>,
}

/// A signed transaction.
#[derive(Clone, Debug)]
pub struct Signed {
    /// Its hash.
    pub hash: Felt,
    /// As it is sent.
    pub(super) transaction: BroadcastedInvokeTransaction,
}

impl Account {
    /// An account with a key from anywhere.
    ///
    /// # Errors
    /// [`AccountError::Key`].
    pub fn new(address: Felt, key: &str) -> Result<Self, AccountError> {
        Self::with_key(address, NodeFelt::from_hex(key.trim()).ok(), "given key")
    }

    fn with_key(
        address: Felt,
        key: Option<NodeFelt>,
        origin: &'static str,
    ) -> Result<Self, AccountError> {
        // The order of the STARK curve, which keys stay below.
        const ORDER: NodeFelt = NodeFelt::from_hex_unchecked(
            "0x800000000000010ffffffffffffffffb781126dcae7b2321e66a241adc64d2f",
        );
        let key = key.filter(|key| *key != NodeFelt::ZERO && *key < ORDER);
        let key = SigningKey::from_secret_scalar(key.ok_or(AccountError::Key { origin })?);
        Ok(Self { address, key })
    }

    /// Reads an account file and finds its key. `variable` looks environment variables up.
    ///
    /// # Errors
    /// [`AccountError`].
    pub fn load(
        path: &Path,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, AccountError> {
        let fail = |reason: String| AccountError::File {
            path: path.to_owned(),
            reason,
        };
        let text = std::fs::read_to_string(path).map_err(|e| fail(e.to_string()))?;
        let file: AccountFile = serde_json::from_str(&text).map_err(|e| fail(e.to_string()))?;
        let address = Felt::from_hex_be(&file.address)
            .ok()
            .filter(|a| *a != Felt::ZERO);
        let address = address.ok_or_else(|| fail("the address is not one".into()))?;
        let variable = |name, what| variable(name).ok_or(AccountError::Variable { name, what });
        let Some(keystore) = file.keystore else {
            let key = variable(
                KEY_VARIABLE,
                "account's private key, as the account file names no keystore",
            )?;
            return Self::with_key(
                address,
                NodeFelt::from_hex(key.trim()).ok(),
                "value of STWO_ML_PRIVATE_KEY",
            );
        };
        let keystore = path.parent().unwrap_or(Path::new("")).join(keystore);
        let password = variable(PASSWORD_VARIABLE, "keystore's password")?;
        let key = SigningKey::from_keystore(&keystore, &password).map_err(|e| {
            AccountError::Keystore {
                path: keystore.clone(),
                reason: e.to_string(),
            }
        })?;
        Self::with_key(address, Some(key.secret_scalar()), "keystore's content")
    }

    /// The address.
    pub fn address(&self) -> Felt {
        self.address
    }

    fn connect<'a>(
        &self,
        rpc: &'a Rpc,
        chain_id: Felt,
    ) -> SingleOwnerAccount<&'a Node, LocalWallet> {
        let mut account = SingleOwnerAccount::new(
            &rpc.node,
            LocalWallet::from_signing_key(self.key.clone()),
            node(&self.address),
            node(&chain_id),
            ExecutionEncoding::New,
        );
        account.set_block_id(At::Newest.id());
        account
    }

    /// Executes calls without sending them, signature check included.
    ///
    /// # Errors
    /// [`RpcError`]; a transaction that would be reverted is no error.
    pub fn simulate(
        &self,
        rpc: &Rpc,
        chain_id: Felt,
        calls: &[Call],
        nonce: Felt,
    ) -> Result<Simulation, RpcError> {
        let account = self.connect(rpc, chain_id);
        let calls = calls.iter().map(node_call).collect::<Vec<_>>();
        let answer = rpc.ask("simulateTransactions", async |_| {
            let execution = account.execute_v3(calls.clone()).nonce(node(&nonce));
            execution
                .simulate(false, true)
                .await
                .map_err(provider_error)
        })?;
        let TransactionTrace::Invoke(trace) = answer.transaction_trace else {
            return Err(RpcError::Form {
                what: "the simulation's trace".into(),
            });
        };
        let fee = answer.fee_estimation;
        let estimate = Estimate {
            gas: [
                fee.l1_gas_consumed,
                fee.l1_data_gas_consumed,
                fee.l2_gas_consumed,
            ],
            price: [fee.l1_gas_price, fee.l1_data_gas_price, fee.l2_gas_price],
            total: fee.overall_fee,
        };
        let (events, call_gas) = match trace.execute_invocation {
            ExecuteInvocation::Reverted(reverted) => (Err(reverted.revert_reason), Vec::new()),
            ExecuteInvocation::Success(invocation) => {
                let gas = invocation
                    .calls
                    .iter()
                    .map(|c| c.execution_resources.l2_gas)
                    .collect();
                (Ok(trace_events(&invocation)), gas)
            }
        };
        Ok(Simulation {
            estimate,
            events,
            call_gas,
        })
    }

    /// Signs calls. Nothing is sent.
    ///
    /// # Errors
    /// [`AccountError::Sign`].
    pub fn sign(
        &self,
        rpc: &Rpc,
        chain_id: Felt,
        calls: &[Call],
        nonce: Felt,
        bounds: &Bounds,
    ) -> Result<Signed, AccountError> {
        let account = self.connect(rpc, chain_id);
        let [l1_gas, l1_data_gas, l2_gas] = bounds.gas;
        let [l1_price, l1_data_price, l2_price] = bounds.price;
        let fail = |reason: String| AccountError::Sign { reason };
        let prepared = account
            .execute_v3(calls.iter().map(node_call).collect())
            .nonce(node(&nonce))
            .l1_gas(l1_gas)
            .l1_gas_price(l1_price)
            .l1_data_gas(l1_data_gas)
            .l1_data_gas_price(l1_data_price)
            .l2_gas(l2_gas)
            .l2_gas_price(l2_price)
            .tip(0)
            .prepared()
            .map_err(|e| fail(e.to_string()))?;
        let hash = ours(&prepared.transaction_hash(false));
        let transaction = rpc.block_on(prepared.get_invoke_request(false, false));
        let transaction = transaction.map_err(|e| fail(e.to_string()))?;
        Ok(Signed { hash, transaction })
    }
}

fn node_call(call: &Call) -> NodeCall {
    NodeCall {
        to: node(&call.to),
        selector: node(&call.selector),
        calldata: call.calldata.iter().map(node).collect(),
    }
}

fn provider_error<S>(error: NodeAccountError<S>) -> ProviderError {
    match error {
        NodeAccountError::Provider(error) => error,
        // A key that cannot sign, or an answer whose numbers do not fit.
        _ => ProviderError::ArrayLengthMismatch,
    }
}

/// The events of a call and of all calls inside, in the order of their emission.
fn trace_events(invocation: &FunctionInvocation) -> Vec<RawEvent> {
    fn collect(invocation: &FunctionInvocation, into: &mut Vec<(u64, RawEvent)>) {
        let from = ours(&invocation.contract_address);
        let events = invocation.events.iter();
        into.extend(events.map(|e| (e.order, RawEvent::from_trace(from, e))));
        invocation.calls.iter().for_each(|call| collect(call, into));
    }
    let mut events = Vec::new();
    collect(invocation, &mut events);
    events.sort_by_key(|(order, _)| *order);
    events.into_iter().map(|(_, event)| event).collect()
}
