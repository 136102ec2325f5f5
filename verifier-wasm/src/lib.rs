//! WebAssembly glue over `stwo-ml-verifier`. No logic: bytes go in, are copied into the module's
//! memory by wasm-bindgen, and the verifier's own verdict comes out. The package
//! `@stwo-ml/verifier` (`web/verifier`) wraps it.

use serde::Serialize;
use stwo_ml_verifier::security::regimes;
use stwo_ml_verifier::shape::Shape;
use stwo_ml_verifier::vk::Port;
use stwo_ml_verifier::{Regime, Statement, VerifyError, Vk, verify_file};
use wasm_bindgen::prelude::*;

pub mod starknet;

/// A refusal, as JavaScript sees it.
#[derive(Serialize)]
struct Refusal {
    code: &'static str,
    stage: String,
    message: String,
}

fn refuse(error: &VerifyError) -> JsValue {
    plain(&Refusal {
        code: error.code(),
        stage: format!("{:?}", error.stage()).to_ascii_lowercase(),
        message: error.to_string(),
    })
}

/// A plain object; its values are all representable.
fn plain<T: Serialize>(value: &T) -> JsValue {
    serde_wasm_bindgen::to_value(value).unwrap_or(JsValue::NULL)
}

#[derive(Serialize)]
struct Security {
    regime: &'static str,
    bits: f64,
    #[serde(rename = "boundBy")]
    bound_by: &'static str,
}

fn security(regimes: &[Regime]) -> Vec<Security> {
    let one = |r: &Regime| Security {
        regime: r.name,
        bits: f64::from(r.bits().0) + f64::from(r.bits().1) / 10.0,
        bound_by: r.binding_term,
    };
    regimes.iter().map(one).collect()
}

#[derive(Serialize)]
struct Tensor<'a> {
    name: &'a str,
    shape: &'a [u32],
    scale: i8,
    lo: i32,
    hi: i32,
}

#[derive(Serialize)]
struct Info<'a> {
    name: &'a str,
    digest: String,
    level: &'static str,
    inputs: Vec<Tensor<'a>>,
    outputs: Vec<Tensor<'a>>,
    security: Vec<Security>,
}

/// A parsed and validated verifying key.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Key {
    vk: Vk,
}

#[wasm_bindgen]
impl Key {
    /// Parses a verifying key file.
    ///
    /// # Errors
    /// `{ code, stage, message }` of a [`VerifyError`].
    pub fn parse(bytes: &[u8]) -> Result<Key, JsValue> {
        let vk = Vk::decode(bytes).map_err(|e| refuse(&e))?;
        Ok(Self { vk })
    }

    /// Name, digest, level, public tensors and security of the key.
    pub fn info(&self) -> JsValue {
        let vk = &self.vk;
        let describe = |port| describe(vk, port);
        plain(&Info {
            name: &vk.name,
            digest: vk.digest().to_string(),
            level: vk.level.name(),
            inputs: vk.inputs.iter().filter_map(describe).collect(),
            outputs: vk.outputs.iter().filter_map(describe).collect(),
            security: security(&regimes(vk.level.parameters(), &Shape::new(vk))),
        })
    }

    /// Checks a proof file and returns what it proves.
    ///
    /// # Errors
    /// `{ code, stage, message }` of a [`VerifyError`].
    pub fn verify(&self, proof: &[u8]) -> Result<Proven, JsValue> {
        let (statement, verified) = verify_file(&self.vk, proof).map_err(|e| refuse(&e))?;
        Ok(Proven {
            statement,
            security: verified.security,
        })
    }
}

fn describe<'a>(vk: &'a Vk, port: &'a Port) -> Option<Tensor<'a>> {
    let tensor = vk.tensors.get(usize::try_from(port.tensor).ok()?)?;
    Some(Tensor {
        name: &port.name,
        shape: &port.dims,
        scale: port.scale,
        lo: tensor.lo,
        hi: tensor.hi,
    })
}

/// What a valid proof establishes.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Proven {
    statement: Statement,
    security: [Regime; 5],
}

#[wasm_bindgen]
impl Proven {
    /// The integers of an input tensor, row-major; `undefined` past the last.
    pub fn input(&self, port: usize) -> Option<js_sys::Int32Array> {
        self.statement.inputs.get(port).map(|v| v[..].into())
    }

    /// The integers of an output tensor, row-major; `undefined` past the last.
    pub fn output(&self, port: usize) -> Option<js_sys::Int32Array> {
        self.statement.outputs.get(port).map(|v| v[..].into())
    }

    /// Bits of security by regime, as the verification computed them.
    pub fn security(&self) -> JsValue {
        plain(&security(&self.security))
    }
}
