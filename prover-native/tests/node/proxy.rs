//! A proxy between client and node that loses, delays and garbles what a test wants.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What happens to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It never reaches the node; the connection closes.
    LostRequest,
    /// The node gets it; the answer is lost.
    LostAnswer,
    /// The node gets it; the answer never comes.
    Silence,
    /// It is never passed on, and no answer ever comes.
    Stuck,
    /// The answer is this text.
    Garbage(&'static str),
    /// The first half of the node's answer.
    Half,
}

/// A fault that is waiting for a request with a text in its body.
struct Trap {
    text: &'static str,
    fault: Fault,
    left: usize,
}

/// The proxy.
pub(crate) struct Proxy {
    port: u16,
    traps: Arc<Mutex<Vec<Trap>>>,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    /// A proxy of the node on a port.
    pub(crate) fn new(node: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let proxy = Self {
            port: listener.local_addr().unwrap().port(),
            traps: Arc::default(),
            seen: Arc::default(),
        };
        let (traps, seen) = (proxy.traps.clone(), proxy.seen.clone());
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (traps, seen) = (traps.clone(), seen.clone());
                std::thread::spawn(move || {
                    let _ = serve(client, node, &traps, &seen);
                });
            }
        });
        proxy
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/rpc", self.port)
    }

    /// The next `times` requests with a text in their body meet a fault.
    pub(crate) fn trap(&self, text: &'static str, fault: Fault, times: usize) {
        self.traps.lock().unwrap().push(Trap {
            text,
            fault,
            left: times,
        });
    }

    /// Requests so far with a text in their body.
    pub(crate) fn count(&self, text: &str) -> usize {
        self.seen
            .lock()
            .unwrap()
            .iter()
            .filter(|body| body.contains(text))
            .count()
    }
}

/// Reads a message: its head and its body.
fn message(stream: &mut TcpStream) -> std::io::Result<(String, Vec<u8>)> {
    let mut bytes = Vec::new();
    let mut byte = [0];
    while !bytes.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte)?;
        bytes.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&bytes).to_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length:"));
    let length = length.and_then(|l| l.trim().parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    Ok((head, body))
}

/// Serves one request per connection.
fn serve(
    mut client: TcpStream,
    node: u16,
    traps: &Mutex<Vec<Trap>>,
    seen: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
    let (_, body) = message(&mut client)?;
    let text = String::from_utf8_lossy(&body).into_owned();
    let fault = {
        let mut traps = traps.lock().unwrap();
        let trap = traps
            .iter_mut()
            .find(|trap| trap.left > 0 && text.contains(trap.text));
        trap.map(|trap| {
            trap.left -= 1;
            trap.fault.clone()
        })
    };
    seen.lock().unwrap().push(text);
    match fault {
        Some(Fault::LostRequest) => return Ok(()),
        Some(Fault::Stuck) => {
            std::thread::sleep(Duration::from_secs(3600));
            return Ok(());
        }
        Some(Fault::Garbage(garbage)) => return answer(&mut client, garbage.as_bytes()),
        _ => {}
    }
    let mut upstream = TcpStream::connect(("127.0.0.1", node))?;
    let head = format!(
        "POST /rpc HTTP/1.1\r\nhost: node\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    upstream.write_all(head.as_bytes())?;
    upstream.write_all(&body)?;
    let (_, said) = message(&mut upstream)?;
    match fault {
        Some(Fault::LostAnswer) => Ok(()),
        Some(Fault::Silence) => {
            std::thread::sleep(Duration::from_secs(3600));
            Ok(())
        }
        Some(Fault::Half) => answer(&mut client, &said[..said.len() / 2]),
        _ => answer(&mut client, &said),
    }
}

fn answer(client: &mut TcpStream, body: &[u8]) -> std::io::Result<()> {
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    client.write_all(head.as_bytes())?;
    client.write_all(body)
}
