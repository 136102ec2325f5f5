//! What tests change: the machine that is simulated, and faults.

use crate::finding::Status;

/// Each is set by the environment variable `STAND_IN_<NAME>` or by `stand_in_set`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Settings {
    /// Number of devices.
    pub(super) devices: u64,
    /// Bytes of memory of each device.
    pub(super) memory: u64,
    /// The newest PTX the driver takes: 70 is version 7.0.
    pub(super) ptx_version: u64,
    /// Runs blocks, warps and lanes in descending order.
    pub(super) reversed: u64,
    /// What `cuInit` returns.
    pub(super) init: u64,
    /// The allocation that fails for lack of memory, counted from 1 when it is set; 0 is none.
    pub(super) fail_allocation: u64,
    /// The launch that fails without running, counted from 1 when it is set; 0 is none.
    pub(super) fail_launch: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            devices: 1,
            memory: 8 << 30,
            ptx_version: 83,
            reversed: 0,
            init: Status::Success as u64,
            fail_allocation: 0,
            fail_launch: 0,
        }
    }
}

impl Settings {
    /// The defaults, changed by the environment.
    pub(super) fn from_environment() -> Self {
        let mut settings = Self::default();
        for name in NAMES {
            let value = std::env::var(format!("STAND_IN_{}", name.to_uppercase()));
            if let Some(value) = value.ok().and_then(|value| value.parse().ok()) {
                settings.set(name, value);
            }
        }
        settings
    }

    /// Sets one by its name; false if there is none of this name.
    pub(super) fn set(&mut self, name: &str, value: u64) -> bool {
        let setting = match name {
            "devices" => &mut self.devices,
            "memory" => &mut self.memory,
            "ptx_version" => &mut self.ptx_version,
            "reversed" => &mut self.reversed,
            "init" => &mut self.init,
            "fail_allocation" => &mut self.fail_allocation,
            "fail_launch" => &mut self.fail_launch,
            _ => return false,
        };
        *setting = value;
        true
    }

    /// Counts an allocation; whether it is the one that fails.
    pub(super) fn allocation_fails(&mut self) -> bool {
        count_down(&mut self.fail_allocation)
    }

    /// Counts a launch; whether it is the one that fails.
    pub(super) fn launch_fails(&mut self) -> bool {
        count_down(&mut self.fail_launch)
    }
}

const NAMES: [&str; 7] = [
    "devices",
    "memory",
    "ptx_version",
    "reversed",
    "init",
    "fail_allocation",
    "fail_launch",
];

fn count_down(counter: &mut u64) -> bool {
    let now = *counter == 1;
    *counter = counter.saturating_sub(1);
    now
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_sets_its_own() {
        for name in NAMES {
            let mut settings = Settings::default();
            assert!(settings.set(name, 77), "{name}");
            assert_ne!(settings, Settings::default(), "{name}");
        }
        assert!(!Settings::default().set("speed", 1));
    }

    #[test]
    fn the_third_fails_and_no_other() {
        let mut settings = Settings {
            fail_launch: 3,
            ..Settings::default()
        };
        assert_eq!(
            [(); 5].map(|()| settings.launch_fails()),
            [false, false, true, false, false]
        );
        assert!(!settings.allocation_fails());
    }
}
