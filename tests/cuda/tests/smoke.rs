//! The committed PTX through cudarc on the stand-in: a bare `cargo test` loads it, with no variable set.

use cudarc::driver::{CudaContext, LaunchConfig, PushKernelArg};

const P: u64 = (1 << 31) - 1;

#[test]
fn accumulate_adds_four_planes() {
    let context = CudaContext::new(0).unwrap();
    assert_eq!(context.name().unwrap(), "ptx-interpreter");
    let stream = context.new_stream().unwrap();
    let module = context
        .load_module(include_str!("../../../cuda/ptx/accumulate.ptx").into())
        .unwrap();
    let kernel = module.load_function("accumulate").unwrap();
    for n in [1usize, 31, 32, 33, 1000] {
        let plane = |seed: u64| -> Vec<u32> {
            (0..n as u64)
                .map(|i| ((i + seed).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33) as u32 % P as u32)
                .collect()
        };
        let (a, b): (Vec<_>, Vec<_>) = (0..4).map(|i| (plane(i), plane(i + 100))).unzip();
        let mut on_device: Vec<_> = a
            .iter()
            .map(|plane| stream.clone_htod(plane).unwrap())
            .collect();
        let added: Vec<_> = b
            .iter()
            .map(|plane| stream.clone_htod(plane).unwrap())
            .collect();
        let length = n as u64;
        let mut launch = stream.launch_builder(&kernel);
        on_device.iter_mut().for_each(|plane| {
            launch.arg(plane);
        });
        added.iter().for_each(|plane| {
            launch.arg(plane);
        });
        launch.arg(&length);
        let config = LaunchConfig {
            grid_dim: (3, 1, 1),
            block_dim: (64, 1, 1),
            shared_mem_bytes: 0,
        };
        // SAFETY: the arguments are the kernel's: eight planes of `n` words and `n`.
        unsafe { launch.launch(config) }.unwrap();
        drop(launch);
        for ((plane, a), b) in on_device.iter().zip(&a).zip(&b) {
            let expected: Vec<u32> = a
                .iter()
                .zip(b)
                .map(|(a, b)| ((u64::from(*a) + u64::from(*b)) % P) as u32)
                .collect();
            assert_eq!(stream.clone_dtoh(plane).unwrap(), expected, "{n} elements");
        }
    }
}
