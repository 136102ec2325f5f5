//! The state behind the calls: devices, streams, events, modules, and what was found.

use std::cell::Cell;
use std::collections::{BTreeMap, HashMap};
use std::ffi::CString;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use super::host::Bytes;
use super::settings::Settings;
use crate::finding::{Finding, Status};
use crate::memory::Memory;
use crate::memory::clocks::{Clock, Clocks, Issued};
use crate::profile::Profile;
use crate::ptx::Kernel;

/// A handle that the host holds.
pub(super) type Handle = usize;

#[derive(Debug)]
pub(super) struct State {
    pub(super) initialised: bool,
    pub(super) settings: Settings,
    pub(super) devices: Vec<Device>,
    pub(super) streams: HashMap<Handle, Stream>,
    pub(super) events: HashMap<Handle, Event>,
    pub(super) modules: HashMap<Handle, Module>,
    pub(super) functions: HashMap<Handle, Function>,
    /// Pinned host memory: start and length.
    pub(super) pinned: BTreeMap<usize, Box<[u64]>>,
    pub(super) reports: Vec<String>,
    pub(super) profiles: BTreeMap<String, Profile>,
    /// The last finding's sentence for each status.
    pub(super) texts: HashMap<i32, &'static CString>,
    next: Handle,
}

#[derive(Debug)]
pub(super) struct Device {
    pub(super) memory: Arc<Memory>,
    pub(super) clocks: Clocks,
    /// An error that all later calls return, until the device is reset.
    pub(super) error: Option<Status>,
    pub(super) pending: Vec<Pending>,
}

/// A copy from or to pinned memory that the host has not waited for.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) stream: u16,
    pub(super) position: u32,
    pub(super) host: Bytes,
    pub(super) bytes: Vec<u8>,
    pub(super) to_host: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Stream {
    pub(super) device: usize,
    pub(super) number: u16,
    /// Whether the default stream waits for it and it for the default stream.
    pub(super) blocking: bool,
    /// Held while an operation of the stream runs: operations run in order.
    pub(super) running: Arc<Mutex<()>>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Event {
    /// Device and what was on its stream when it was recorded.
    pub(super) recorded: Option<(usize, u16, Clock)>,
}

#[derive(Clone, Debug)]
pub(super) struct Module {
    pub(super) kernels: Vec<Arc<Kernel>>,
    pub(super) constants: Arc<Vec<u8>>,
    /// Name, address and bytes of the variables in global memory.
    pub(super) globals: Vec<(String, u64, usize)>,
    pub(super) device: usize,
}

#[derive(Clone, Debug)]
pub(super) struct Function {
    pub(super) module: Module,
    pub(super) kernel: Arc<Kernel>,
    /// Bytes of dynamic shared memory that a launch may ask for.
    pub(super) dynamic_limit: usize,
}

/// An operation that was put on a stream, for the caller to run.
#[derive(Debug)]
pub(super) struct Operation {
    pub(super) issued: Issued,
    pub(super) stream: Stream,
    pub(super) memory: Arc<Memory>,
}

thread_local! {
    static CURRENT: Cell<Option<usize>> = const { Cell::new(None) };
}

static STATE: LazyLock<Mutex<State>> = LazyLock::new(|| Mutex::new(State::new()));

/// The device of the calling thread's current context.
pub(super) fn current() -> Option<usize> {
    CURRENT.get()
}

pub(super) fn set_current(device: Option<usize>) {
    CURRENT.set(device);
}

/// The state, whether or not the driver is initialised.
pub(super) fn state() -> MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The state of an initialised driver.
pub(super) fn initialised() -> Result<MutexGuard<'static, State>, Status> {
    let state = state();
    if state.initialised {
        Ok(state)
    } else {
        Err(Status::NotInitialized)
    }
}

/// The state and the current context's device, if the context has no error.
pub(super) fn in_context() -> Result<(MutexGuard<'static, State>, usize), Status> {
    let state = initialised()?;
    let device = current().ok_or(Status::InvalidContext)?;
    match state.devices[device].error {
        Some(error) => Err(error),
        None => Ok((state, device)),
    }
}

/// What a call returns.
pub(super) fn status(result: Result<(), Status>) -> Status {
    result.err().unwrap_or(Status::Success)
}

/// Runs an operation on a stream: in order, outside of the state's lock, noting what it finds.
pub(super) fn on_stream<R>(
    stream: Handle,
    run: impl FnOnce(&Operation) -> Result<R, Finding>,
) -> Result<R, Status> {
    let (running, device) = {
        let (mut state, device) = in_context()?;
        let stream = state.stream(stream, device)?;
        (Arc::clone(&stream.running), stream.device)
    };
    let _in_order = running.lock().unwrap_or_else(PoisonError::into_inner);
    let operation = {
        let (mut state, current) = in_context()?;
        let stream = state.stream(stream, current)?;
        state.issue(stream)?
    };
    run(&operation).map_err(|finding| state().found(device, finding))
}

impl State {
    fn new() -> Self {
        Self {
            initialised: false,
            settings: Settings::from_environment(),
            devices: Vec::new(),
            streams: HashMap::new(),
            events: HashMap::new(),
            modules: HashMap::new(),
            functions: HashMap::new(),
            pinned: BTreeMap::new(),
            reports: Vec::new(),
            profiles: BTreeMap::new(),
            texts: HashMap::new(),
            next: 0x1000,
        }
    }

    /// A handle that no one has.
    pub(super) fn handle(&mut self) -> Handle {
        self.next += 16;
        self.next
    }

    /// The device of this number, made when it is first asked for.
    pub(super) fn device(&mut self, number: i32) -> Result<usize, Status> {
        let number = usize::try_from(number).map_err(|_| Status::InvalidDevice)?;
        if number as u64 >= self.settings.devices {
            return Err(Status::InvalidDevice);
        }
        while self.devices.len() <= number {
            let mut clocks = Clocks::default();
            // Stream 0 is the default stream.
            clocks.stream();
            let memory = Arc::new(Memory::new(self.devices.len() as u32));
            self.devices.push(Device {
                memory,
                clocks,
                error: None,
                pending: Vec::new(),
            });
        }
        Ok(number)
    }

    /// A stream by its handle; 0, 1 and 2 are the default stream of the current device.
    pub(super) fn stream(&mut self, handle: Handle, device: usize) -> Result<Stream, Status> {
        // The default streams are kept under handles that no one gets.
        let key = if handle <= 2 { 3 + device } else { handle };
        if key < 0x1000 {
            let running = Arc::default();
            self.streams.entry(key).or_insert(Stream {
                device,
                number: 0,
                blocking: true,
                running,
            });
        }
        self.streams.get(&key).cloned().ok_or(Status::InvalidValue)
    }

    fn issue(&mut self, stream: Stream) -> Result<Operation, Status> {
        let blocking: Vec<u16> = self
            .streams
            .values()
            .filter(|other| {
                other.device == stream.device && other.blocking && other.number != stream.number
            })
            .map(|other| other.number)
            .collect();
        let device = &mut self.devices[stream.device];
        if stream.blocking {
            for other in blocking
                .into_iter()
                .filter(|other| stream.number == 0 || *other == 0)
            {
                let clock = device.clocks.now(other);
                device.clocks.wait(stream.number, &clock);
            }
        }
        let issued = device.clocks.issue(stream.number);
        if issued.operation == 0 {
            return Err(self.found(
                stream.device,
                Finding::host("the stand-in numbers no more than 4 million operations"),
            ));
        }
        Ok(Operation {
            issued,
            memory: Arc::clone(&device.memory),
            stream,
        })
    }

    /// Notes a finding: the device is unusable from now on, as after a fault on a real one.
    pub(super) fn found(&mut self, device: usize, finding: Finding) -> Status {
        self.devices[device].error = Some(finding.status);
        self.note(&finding);
        finding.status
    }

    /// Notes why a call fails that leaves the device usable.
    pub(super) fn note(&mut self, finding: &Finding) -> Status {
        if let Ok(text) = CString::new(finding.text.as_str()) {
            // `cuGetErrorString` hands out pointers that live for ever; findings are few.
            self.texts
                .insert(finding.status as i32, Box::leak(Box::new(text)));
        }
        self.reports.push(finding.text.clone());
        finding.status
    }

    /// The host has waited: delivers to pinned memory what it waited for.
    pub(super) fn deliver(&mut self, device: usize) -> Result<(), Status> {
        let Device {
            clocks, pending, ..
        } = &mut self.devices[device];
        let (ready, later) = std::mem::take(pending)
            .into_iter()
            .partition(|copy| clocks.host_knows(copy.stream, copy.position));
        *pending = later;
        let ready: Vec<Pending> = ready;
        for copy in ready {
            if copy.to_host {
                copy.host.write(&copy.bytes);
            } else if copy.host.read(copy.bytes.len()) != copy.bytes {
                let text = "pinned host memory was changed before the copy from it was waited for";
                return Err(self.found(device, Finding::host(text)));
            }
        }
        Ok(())
    }

    /// Whether host bytes lie in pinned memory.
    pub(super) fn is_pinned(&self, host: Bytes, bytes: usize) -> bool {
        let before = self.pinned.range(..=host.address()).next_back();
        before.is_some_and(|(start, memory)| host.address() + bytes <= start + 8 * memory.len())
    }
}
