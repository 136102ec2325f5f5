//! What tests call beside the driver API.

use std::ffi::c_int;

use super::host::{Bytes, Text};
use super::settings::Settings;
use super::state::state;

/// Changes a setting by its name; 0 if there is none of this name.
#[unsafe(no_mangle)]
extern "C" fn stand_in_set(name: Text, value: u64) -> c_int {
    c_int::from(state().settings.set(name.text(), value))
}

/// Back to the settings of the environment, with no errors, no reports and no profile. Memory and handles stay.
#[unsafe(no_mangle)]
extern "C" fn stand_in_reset() {
    let mut state = state();
    state.settings = Settings::from_environment();
    state.reports.clear();
    state.profiles.clear();
    state.texts.clear();
    state
        .devices
        .iter_mut()
        .for_each(|device| device.error = None);
}

/// Copies the findings so far, one a line, into `target` and forgets them if all fit. Returns their bytes.
#[unsafe(no_mangle)]
extern "C" fn stand_in_take_report(target: Bytes, length: usize) -> usize {
    let mut state = state();
    let text = state.reports.join("\n");
    if text.len() <= length {
        target.write(text.as_bytes());
        state.reports.clear();
    }
    text.len()
}

/// Copies the profile so far, one kernel a line, into `target` and forgets it if all fits. Returns its bytes.
#[unsafe(no_mangle)]
extern "C" fn stand_in_take_profile(target: Bytes, length: usize) -> usize {
    let mut state = state();
    let lines: Vec<_> = state
        .profiles
        .iter()
        .map(|(name, profile)| format!("{name} {profile}"))
        .collect();
    let text = lines.join("\n");
    if text.len() <= length {
        target.write(text.as_bytes());
        state.profiles.clear();
    }
    text.len()
}
