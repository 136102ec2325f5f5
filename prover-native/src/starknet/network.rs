//! Networks by name.

use std::collections::BTreeMap;

use serde::Deserialize;
use stwo_ml_verifier::starknet::{Addresses, Felt, StarknetError, felt, short_string};

/// The networks that come with the program.
const BUILT_IN: &str = include_str!("networks.toml");

/// A network and the contracts on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network {
    /// The profile's name.
    pub name: String,
    /// The chain's short string, such as `SN_SEPOLIA`.
    pub chain_id: String,
    /// JSON-RPC endpoint of a node.
    pub rpc: String,
    /// The contracts.
    pub addresses: Addresses,
    /// The token that fees are paid in, STRK.
    pub fee_token: Felt,
}

/// Why there is no such network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NetworkError {
    /// The file is not a list of networks.
    #[error("not a usable list of networks: {0}")]
    Parse(String),
    /// The list has no network of this name.
    #[error("unknown network `{name}`; there are: {known}")]
    Unknown {
        /// The name.
        name: String,
        /// The names of the list.
        known: String,
    },
    /// A value of a network cannot be used.
    #[error("network `{name}`: {reason}")]
    Value {
        /// The network's name.
        name: String,
        /// What is wrong.
        reason: StarknetError,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Profile {
    chain_id: String,
    rpc: String,
    gate: Address,
    verifier: Address,
    router: Address,
    token: Address,
    fee_token: Address,
}

#[derive(Clone, Copy)]
struct Address(Felt);

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let wrong = |e| serde::de::Error::custom(format!("`{text}` is no address: {e}"));
        felt(&text).map(Self).map_err(wrong)
    }
}

impl Network {
    /// The network of a name, among the built-in ones or those of a file's text.
    ///
    /// # Errors
    /// [`NetworkError`].
    pub fn find(name: &str, file: Option<&str>) -> Result<Self, NetworkError> {
        let mut profiles: BTreeMap<String, Profile> = toml::from_str(file.unwrap_or(BUILT_IN))
            .map_err(|e| NetworkError::Parse(e.to_string()))?;
        let Some(profile) = profiles.remove(name) else {
            let known: Vec<String> = profiles.into_keys().collect();
            return Err(NetworkError::Unknown {
                name: name.into(),
                known: known.join(", "),
            });
        };
        let addresses = Addresses {
            gate: profile.gate.0,
            verifier: profile.verifier.0,
            router: profile.router.0,
            token: profile.token.0,
        };
        let usable = addresses.check().and(short_string(&profile.chain_id));
        usable.map_err(|reason| NetworkError::Value {
            name: name.into(),
            reason,
        })?;
        Ok(Self {
            name: name.into(),
            chain_id: profile.chain_id,
            rpc: profile.rpc,
            addresses,
            fee_token: profile.fee_token.0,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCAL: &str = "[local]\nchain_id = \"SN_SEPOLIA\"\nrpc = \"http://127.0.0.1:5050\"\n\
        gate = \"0x1\"\nverifier = \"0x2\"\nrouter = \"0x3\"\ntoken = \"0x4\"\nfee_token = \"0x5\"\n";

    #[test]
    fn sepolia_has_the_published_addresses() {
        let sepolia = Network::find("sepolia", None).unwrap();
        assert_eq!(sepolia.chain_id, "SN_SEPOLIA");
        // As published, leading zeros included.
        let published = [
            "0x7e74d191b1cca7cac00adc03bc64eaa6236b81001f50c61d1d70ec4bfde8af0",
            "0x575968af96f814da648442daf1b8a09d43b650c06986e17b2bab7719418ddfb",
            "0x001a7c5974eaa8a4d8c145765e507f73d56ee1d05419cbcffcae79ed3cd50f4d",
            "0x072349097c8a802e7f66dc96b95aca84e4d78ddad22014904076c76293a99850",
        ];
        let [gate, verifier, router, token] = published.map(|hex| Felt::from_hex_be(hex).unwrap());
        let expected = Addresses {
            gate,
            verifier,
            router,
            token,
        };
        assert_eq!(sepolia.addresses, expected);
    }

    #[test]
    fn files_are_read_strictly() {
        assert_eq!(
            Network::find("local", Some(LOCAL)).unwrap().addresses.token,
            Felt::from(4u32)
        );
        let unknown = Network::find("sepolia", Some(LOCAL)).unwrap_err();
        assert_eq!(
            unknown.to_string(),
            "unknown network `sepolia`; there are: local"
        );
        let changed = |from: &str, to: &str| {
            Network::find("local", Some(&LOCAL.replace(from, to))).unwrap_err()
        };
        for (from, to, message) in [
            ("\ntoken", "\ntokens", "unknown field `tokens`"),
            ("\"0x4\"", "\"4\"", "`4` is no address"),
            ("\"0x4\"", "4", "invalid type: integer"),
            ("token = \"0x4\"\n", "", "missing field `token`"),
            (
                "\"0x4\"",
                "\"0x0\"",
                "address of the SAGE token: it must not be zero",
            ),
            ("SN_SEPOLIA", "SN_SEPOLIÄ", "a short string"),
        ] {
            let error = changed(from, to).to_string();
            assert!(error.contains(message), "{error}");
        }
        let over = format!("\"0x8{}11{}1\"", "0".repeat(12), "0".repeat(47));
        let error = changed("\"0x4\"", &over).to_string();
        assert!(error.contains("is no address"), "{error}");
    }
}
