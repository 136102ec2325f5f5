//! A Starknet node over JSON-RPC: time limits, retries, and errors that say whose fault they are.

use std::error::Error as _;
use std::time::Duration;

use starknet_rust::core::types::{
    BlockId, BlockTag, Felt as NodeFelt, FunctionCall, StarknetError, Transaction,
    TransactionReceipt, TransactionStatus,
};
use starknet_rust::core::utils::get_selector_from_name;
use starknet_rust::providers::jsonrpc::{
    HttpTransport, HttpTransportError, JsonRpcClient, JsonRpcClientError,
};
use starknet_rust::providers::{Provider, ProviderError, Url};
use stwo_ml_verifier::starknet::Felt;

use super::events::RawEvent;

/// The JSON-RPC client below.
pub(super) type Node = JsonRpcClient<HttpTransport>;

/// How patient the client is.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// Longest time for one answer.
    pub answer: Duration,
    /// Attempts of one request, at least 1.
    pub attempts: u32,
    /// Pause after the first failed attempt; it doubles with every further one, up to ten seconds.
    pub pause: Duration,
    /// Pause between two looks at a transaction that is not in a block yet.
    pub poll: Duration,
    /// Longest time for a transaction to get into a block.
    pub acceptance: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            answer: Duration::from_secs(30),
            attempts: 6,
            pause: Duration::from_millis(250),
            poll: Duration::from_secs(1),
            acceptance: Duration::from_secs(600),
        }
    }
}

impl Patience {
    /// The pause after a number of failed attempts.
    pub(super) fn pause(&self, failed: u32) -> Duration {
        let factor = 1u32
            .checked_shl(failed.saturating_sub(1))
            .unwrap_or(u32::MAX);
        self.pause
            .saturating_mul(factor)
            .min(Duration::from_secs(10))
    }
}

/// What went wrong between the client and the node.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RpcError {
    /// The URL is not one.
    #[error("the node's URL is not a http or https URL: {reason}")]
    Url {
        /// Why.
        reason: String,
    },
    /// The client's runtime or TLS cannot be set up.
    #[error("the HTTP client cannot be set up: {reason}")]
    Setup {
        /// Why.
        reason: String,
    },
    /// No usable answer: nobody there, too slow, or garbage.
    #[error(
        "the node at {host} gave no usable answer to {method} in {attempts} attempts: {reason}; try another --rpc"
    )]
    Unreachable {
        /// Host and port; a path may hold a secret.
        host: String,
        /// What was asked.
        method: &'static str,
        /// Attempts made.
        attempts: u32,
        /// The last failure.
        reason: String,
    },
    /// The node answered, with an error.
    #[error("the node refuses {method}: {reason}")]
    Refused {
        /// What was asked.
        method: &'static str,
        /// The node's words.
        reason: String,
        /// The node's error, where it is one that the specification names.
        error: Option<Box<StarknetError>>,
    },
    /// A contract's answer has not the form of its interface.
    #[error(
        "{what} has another form than its interface says: is the address that of the contract?"
    )]
    Form {
        /// The contract and its entry point.
        what: String,
    },
}

impl RpcError {
    /// The node's error, where it is one that the specification names.
    pub fn node(&self) -> Option<&StarknetError> {
        match self {
            Self::Refused { error, .. } => error.as_deref(),
            _ => None,
        }
    }
}

/// A state that is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// The last block.
    Latest,
    /// The last block and what the sequencer has executed since.
    Newest,
}

impl At {
    pub(super) fn id(self) -> BlockId {
        BlockId::Tag(match self {
            Self::Latest => BlockTag::Latest,
            Self::Newest => BlockTag::PreConfirmed,
        })
    }
}

/// What the node says of a transaction in a block.
#[derive(Clone, Debug)]
pub struct Receipt {
    /// Hash of the transaction.
    pub hash: Felt,
    /// Number of its block, if it is in one yet.
    pub block: Option<u64>,
    /// Fee in units of `10^-18` STRK.
    pub fee: Felt,
    /// L1 gas, L1 data gas and L2 gas.
    pub gas: [u64; 3],
    /// The node's words if it reverted.
    pub reverted: Option<String>,
    /// Events in their order.
    pub events: Vec<RawEvent>,
}

/// A node.
#[derive(Debug)]
pub struct Rpc {
    runtime: tokio::runtime::Runtime,
    pub(super) node: Node,
    host: String,
    /// How patient the client is.
    pub patience: Patience,
}

impl Rpc {
    /// A client of the node at a URL. Nothing is sent yet.
    ///
    /// # Errors
    /// [`RpcError::Url`] or [`RpcError::Setup`].
    pub fn new(url: &str, patience: Patience) -> Result<Self, RpcError> {
        // The URL itself stays out of messages: providers put keys into its path.
        let bad = |reason: &str| RpcError::Url {
            reason: reason.to_owned(),
        };
        let url = Url::parse(url).map_err(|e| bad(&e.to_string()))?;
        if !["http", "https"].contains(&url.scheme()) {
            return Err(bad("its scheme is another one"));
        }
        let name = url.host_str().ok_or_else(|| bad("it names no host"))?;
        let port = url.port_or_known_default().unwrap_or_default();
        let host = format!("{name}:{port}");
        let setup = |reason: String| RpcError::Setup { reason };
        let client = reqwest::Client::builder()
            .timeout(patience.answer)
            .build()
            .map_err(|e| setup(e.to_string()))?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|e| setup(e.to_string()))?;
        let node = JsonRpcClient::new(HttpTransport::new_with_client(url, client));
        Ok(Self {
            runtime,
            node,
            host,
            patience,
        })
    }

    /// Asks once.
    pub(super) fn once<T>(
        &self,
        method: &'static str,
        request: impl AsyncFn(&Node) -> Result<T, ProviderError>,
    ) -> Result<T, RpcError> {
        let answer = self.runtime.block_on(request(&self.node));
        answer.map_err(|error| self.failure(method, 1, error))
    }

    /// Asks until there is an answer. For requests that change nothing.
    ///
    /// # Errors
    /// [`RpcError::Unreachable`] after the last attempt, [`RpcError::Refused`] at once.
    pub(super) fn ask<T>(
        &self,
        method: &'static str,
        request: impl AsyncFn(&Node) -> Result<T, ProviderError>,
    ) -> Result<T, RpcError> {
        let mut attempt = 1;
        loop {
            let error = match self.runtime.block_on(request(&self.node)) {
                Ok(answer) => return Ok(answer),
                Err(error) => self.failure(method, attempt, error),
            };
            let unreachable = matches!(error, RpcError::Unreachable { .. });
            if !unreachable || attempt >= self.patience.attempts {
                return Err(error);
            }
            std::thread::sleep(self.patience.pause(attempt));
            attempt += 1;
        }
    }

    fn failure(&self, method: &'static str, attempts: u32, error: ProviderError) -> RpcError {
        let unreachable = |reason: String| RpcError::Unreachable {
            host: self.host.clone(),
            method,
            attempts,
            reason,
        };
        match error {
            ProviderError::StarknetError(error) => RpcError::Refused {
                method,
                reason: explain(&error),
                error: Some(Box::new(error)),
            },
            ProviderError::RateLimited => unreachable("it limits the rate of requests".into()),
            ProviderError::ArrayLengthMismatch => {
                unreachable("garbage: a list of the wrong length".into())
            }
            ProviderError::Other(error) => {
                match error
                    .as_any()
                    .downcast_ref::<JsonRpcClientError<HttpTransportError>>()
                {
                    // -32603 is "internal error": the node's trouble, not the request's.
                    Some(JsonRpcClientError::JsonRpcError(e)) if e.code != -32603 => {
                        let reason = format!("{} (code {})", e.message, e.code);
                        RpcError::Refused {
                            method,
                            reason,
                            error: None,
                        }
                    }
                    Some(JsonRpcClientError::TransportError(HttpTransportError::Reqwest(e))) => {
                        unreachable(transport(e))
                    }
                    Some(
                        JsonRpcClientError::TransportError(HttpTransportError::Json(e))
                        | JsonRpcClientError::JsonError(e),
                    ) => unreachable(format!("garbage: {e}")),
                    _ => unreachable(error.to_string()),
                }
            }
        }
    }

    /// Waits for a computation that asks nothing of the node.
    pub(super) fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    /// The chain's identifier, a short string such as `SN_SEPOLIA`.
    ///
    /// # Errors
    /// [`RpcError`].
    pub fn chain_id(&self) -> Result<Felt, RpcError> {
        Ok(ours(&self.ask("chainId", async |n| n.chain_id().await)?))
    }

    /// Calls a contract's view.
    ///
    /// # Errors
    /// [`RpcError`].
    pub fn call(
        &self,
        to: Felt,
        name: &'static str,
        arguments: &[Felt],
    ) -> Result<Vec<Felt>, RpcError> {
        let call = FunctionCall {
            contract_address: node(&to),
            entry_point_selector: selector(name),
            calldata: arguments.iter().map(node).collect(),
        };
        let answer = self.ask(name, async |n| n.call(&call, At::Newest.id()).await)?;
        Ok(answer.iter().map(ours).collect())
    }

    /// The number of transactions that an account has sent.
    ///
    /// # Errors
    /// [`RpcError`].
    pub fn nonce(&self, account: Felt, at: At) -> Result<Felt, RpcError> {
        let nonce = self.ask("getNonce", async |n| {
            n.get_nonce(at.id(), node(&account)).await
        })?;
        Ok(ours(&nonce))
    }

    /// Whether the node knows a transaction, in a block or before.
    ///
    /// # Errors
    /// [`RpcError`].
    pub fn knows(&self, hash: Felt) -> Result<bool, RpcError> {
        let answer: Result<TransactionStatus, _> = self.ask("getTransactionStatus", async |n| {
            n.get_transaction_status(node(&hash)).await
        });
        found(answer).map(|status| status.is_some())
    }

    /// The receipt of a transaction that the node has executed.
    ///
    /// # Errors
    /// [`RpcError`].
    pub fn receipt(&self, hash: Felt) -> Result<Option<Receipt>, RpcError> {
        let answer = self.ask("getTransactionReceipt", async |n| {
            n.get_transaction_receipt(node(&hash)).await
        });
        let Some(answer) = found(answer)? else {
            return Ok(None);
        };
        let TransactionReceipt::Invoke(receipt) = answer.receipt else {
            let what = format!("the receipt of {hash:#x}");
            return Err(RpcError::Form { what });
        };
        let resources = &receipt.execution_resources;
        Ok(Some(Receipt {
            hash: ours(&receipt.transaction_hash),
            block: answer.block.is_block().then(|| answer.block.block_number()),
            fee: ours(&receipt.actual_fee.amount),
            gas: [resources.l1_gas, resources.l1_data_gas, resources.l2_gas],
            reverted: receipt.execution_result.revert_reason().map(str::to_owned),
            events: receipt.events.iter().map(RawEvent::from_node).collect(),
        }))
    }

    /// Sender and calldata of an invoke transaction.
    ///
    /// # Errors
    /// [`RpcError`]; [`RpcError::Form`] for another kind of transaction.
    pub fn transaction(&self, hash: Felt) -> Result<Option<(Felt, Vec<Felt>)>, RpcError> {
        let answer = self.ask("getTransactionByHash", async |n| {
            n.get_transaction_by_hash(node(&hash), None).await
        });
        match found(answer)? {
            None => Ok(None),
            Some(Transaction::Invoke(starknet_rust::core::types::InvokeTransaction::V3(
                invoke,
            ))) => {
                let calldata = invoke.calldata.iter().map(ours).collect();
                Ok(Some((ours(&invoke.sender_address), calldata)))
            }
            Some(_) => Err(RpcError::Form {
                what: format!("the transaction {hash:#x}"),
            }),
        }
    }
}

/// `None` where the node does not know a transaction.
fn found<T>(answer: Result<T, RpcError>) -> Result<Option<T>, RpcError> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if matches!(error.node(), Some(StarknetError::TransactionHashNotFound)) => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// A failed exchange in words, without its URL.
fn transport(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "it is too slow".into();
    }
    let mut cause: Option<&dyn std::error::Error> = error.source();
    let mut last = error
        .status()
        .map_or_else(|| "the exchange failed".to_owned(), |s| s.to_string());
    while let Some(error) = cause {
        last = error.to_string();
        cause = error.source();
    }
    last
}

/// The node's error with its data, which the type's own text leaves out.
fn explain(error: &StarknetError) -> String {
    match error {
        StarknetError::ContractError(data) => format!("{error}: {:?}", data.revert_error),
        StarknetError::TransactionExecutionError(data) => {
            format!("{error}: {:?}", data.execution_error)
        }
        StarknetError::ValidationFailure(data) | StarknetError::UnexpectedError(data) => {
            format!("{error}: {data}")
        }
        error => error.to_string(),
    }
}

/// The selector of an entry point or event.
pub(super) fn selector(name: &str) -> NodeFelt {
    get_selector_from_name(name).unwrap_or(NodeFelt::ZERO)
}

/// A felt as the node's types have it.
pub(super) fn node(felt: &Felt) -> NodeFelt {
    NodeFelt::from_bytes_be(&felt.to_bytes_be())
}

/// A felt as the verifier's types have it.
pub(super) fn ours(felt: &NodeFelt) -> Felt {
    // Both are canonical integers below the same prime.
    Felt::from_bytes_be(&felt.to_bytes_be()).unwrap_or(Felt::ZERO)
}
