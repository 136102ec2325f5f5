//! A node on loopback, killed with the test process.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;

/// An account that the node funds at its start.
#[derive(Clone, Debug)]
pub(crate) struct Funded {
    pub(crate) address: String,
    pub(crate) key: String,
}

/// A running `starknet-devnet`.
pub(crate) struct Devnet {
    shell: Mutex<Child>,
    pub(crate) port: u16,
    pub(crate) accounts: Vec<Funded>,
}

/// `$STARKNET_DEVNET`, else the one that the test script installs, else one on PATH.
fn binary() -> PathBuf {
    if let Some(path) = std::env::var_os("STARKNET_DEVNET") {
        return path.into();
    }
    let installed =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/tools/bin/starknet-devnet");
    if installed.exists() {
        return installed;
    }
    let folders = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&folders)
        .map(|folder| folder.join("starknet-devnet"))
        .find(|path| path.exists())
        .expect("no starknet-devnet: run tests/scripts/setup-starknet, or set STARKNET_DEVNET")
}

impl Devnet {
    /// Starts a node with these arguments; port 0 gives any free one.
    pub(crate) fn start(port: u16, arguments: &[&str]) -> Self {
        // The shell kills the node when its standard input closes: with this process at the latest.
        let script =
            "\"$0\" \"$@\" </dev/null & node=$!; cat; kill -9 $node; wait $node 2>/dev/null";
        let mut shell = Command::new("sh")
            .arg("-c")
            .arg(script)
            .arg(binary())
            .args([
                "--seed",
                "0",
                "--host",
                "127.0.0.1",
                "--port",
                &port.to_string(),
            ])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("a shell");
        let output = shell.stdout.take().expect("standard output");
        let mut lines = BufReader::new(output).lines();
        let mut accounts = Vec::new();
        let mut address = String::new();
        let port = loop {
            let line = lines
                .next()
                .expect("the node ends before it listens")
                .expect("text");
            let value = || {
                line.rsplit('|')
                    .next()
                    .unwrap_or_default()
                    .trim()
                    .to_owned()
            };
            if line.starts_with("| Account address") {
                address = value();
            } else if line.starts_with("| Private key") {
                accounts.push(Funded {
                    address: std::mem::take(&mut address),
                    key: value(),
                });
            } else if let Some((_, port)) = line.rsplit_once("listening on 127.0.0.1:") {
                break port.trim().parse().expect("a port");
            }
        };
        // A full pipe would stop the node.
        std::thread::spawn(move || lines.for_each(drop));
        let shell = Mutex::new(shell);
        Self {
            shell,
            port,
            accounts,
        }
    }

    /// Kills the node as a power cut would.
    pub(crate) fn kill(&self) {
        let mut shell = self.shell.lock().unwrap();
        drop(shell.stdin.take());
        let _ = shell.wait();
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/rpc", self.port)
    }
}

impl Drop for Devnet {
    fn drop(&mut self) {
        self.kill();
    }
}
