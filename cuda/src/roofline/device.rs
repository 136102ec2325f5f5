//! Devices by name: what their vendor's documents say they can do at most.

/// The figures of a device that bound a kernel's time.
///
/// An SM issues 128 instructions of lanes a clock (four warps) on all of them, and runs 64 of the ALU and 64
/// integer multiplications: the arithmetic throughput that NVIDIA's programming guide lists for compute
/// capabilities 8.0, 8.9 and 9.0. Clocks are the highest boost clocks, so that 2 * 64 * SMs * clock is the INT32
/// peak of the architecture's paper.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Device {
    /// The name by which [`Device::named`] finds it.
    pub name: &'static str,
    /// The architecture for which the kernels' instructions were counted.
    pub architecture: &'static str,
    /// Streaming multiprocessors.
    pub multiprocessors: f64,
    /// Highest boost clock, in GHz.
    pub clock: f64,
    /// Peak bandwidth of device memory, in GB/s.
    pub bandwidth: f64,
    /// Bytes of the level 2 cache.
    pub cache: u64,
    /// Peak bandwidth of the bus in one direction, in GB/s.
    pub bus: f64,
    /// Where the figures are from.
    pub source: &'static str,
}

/// Lanes of an SM that issue, and that the ALU or the multiplier runs, in one clock.
pub(super) const ISSUE: f64 = 128.0;
pub(super) const PIPE: f64 = 64.0;

/// The devices that are known by name.
pub const DEVICES: [Device; 6] = [
    Device {
        name: "a100-sxm",
        architecture: "sm_80",
        multiprocessors: 108.0,
        clock: 1.41,
        bandwidth: 2039.0,
        cache: 40 << 20,
        bus: 32.0,
        source: "NVIDIA A100 80GB SXM data sheet (bandwidth, PCIe 4) and GA100 white paper (SMs, boost clock, L2)",
    },
    Device {
        name: "h100-sxm",
        architecture: "sm_90",
        multiprocessors: 132.0,
        clock: 1.98,
        bandwidth: 3350.0,
        cache: 50 << 20,
        bus: 64.0,
        source: "NVIDIA H100 SXM data sheet (bandwidth, PCIe 5) and Hopper white paper (SMs, boost clock, L2)",
    },
    Device {
        name: "h100-pcie",
        architecture: "sm_90",
        multiprocessors: 114.0,
        clock: 1.755,
        bandwidth: 2000.0,
        cache: 50 << 20,
        bus: 64.0,
        source: "NVIDIA H100 PCIe data sheet (bandwidth, PCIe 5) and Hopper white paper (SMs, boost clock, L2)",
    },
    Device {
        name: "h200",
        architecture: "sm_90",
        multiprocessors: 132.0,
        clock: 1.98,
        bandwidth: 4800.0,
        cache: 50 << 20,
        bus: 64.0,
        source: "NVIDIA H200 SXM data sheet (bandwidth, PCIe 5); SMs, boost clock and L2 as H100 SXM",
    },
    Device {
        name: "rtx4090",
        architecture: "sm_80",
        multiprocessors: 128.0,
        clock: 2.52,
        bandwidth: 1008.0,
        cache: 72 << 20,
        bus: 32.0,
        source: "NVIDIA Ada white paper, GeForce RTX 4090 (SMs, boost clock, bandwidth, L2, PCIe 4); sm_80 instructions",
    },
    Device {
        name: "l4",
        architecture: "sm_80",
        multiprocessors: 58.0,
        clock: 2.04,
        bandwidth: 300.0,
        cache: 48 << 20,
        bus: 32.0,
        source: "NVIDIA L4 data sheet (bandwidth, PCIe 4) and Ada white paper (SMs, boost clock, L2); sm_80 instructions",
    },
];

impl Device {
    /// The device of this name.
    pub fn named(name: &str) -> Option<Self> {
        DEVICES.into_iter().find(|device| device.name == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The papers list the INT32 or FP32 peak beside the clock: an independent figure for each device.
    #[test]
    fn clocks_and_multiprocessors_give_the_listed_peaks() {
        let listed = [
            ("a100-sxm", 19.5),
            ("h100-sxm", 33.5),
            ("h100-pcie", 25.6),
            ("h200", 33.5),
            ("rtx4090", 41.3),
            ("l4", 30.3 / 2.0),
        ];
        for (device, (name, tera)) in DEVICES.iter().zip(listed) {
            assert_eq!(device.name, name);
            let peak = 2.0 * PIPE * device.multiprocessors * device.clock / 1e3;
            assert!((peak - tera).abs() < 0.06, "{name}: {peak}");
        }
    }
}
