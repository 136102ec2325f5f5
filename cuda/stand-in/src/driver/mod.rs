//! The driver API as cudarc calls it, over the interpreter.
//!
//! Calls run what they are asked for before they return, one after the other in each stream. What a real
//! device may do in another order is not tried out but checked: an access that no stream, event or wait
//! orders is a finding, and bytes reach pinned host memory only when the host has waited for them.

mod control;
mod copies;
mod device;
mod events;
mod host;
mod launches;
mod memory;
mod modules;
mod settings;
mod state;
