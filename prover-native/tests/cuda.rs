//! `--backend` and `doctor` as a user runs them: without a driver, without a device, with the
//! interpreter of kernels in a device's place, and with faults of it.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// A folder with a compiled network and an input, and the driver that commands in it find.
struct Bench {
    folder: tempfile::TempDir,
}

/// Which driver a command finds.
#[derive(Clone, Copy)]
enum Driver {
    /// None: every name of the library is that of an empty file.
    Absent,
    /// The interpreter, which the command refuses.
    StandIn,
    /// The interpreter, taken for a device, with these settings.
    Taken(&'static [(&'static str, &'static str)]),
}
use Driver::*;

/// What a command left: exit code, and what it printed.
struct Outcome {
    code: i32,
    out: String,
    err: String,
}

impl Outcome {
    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|_| panic!("{}{}", self.out, self.err))
    }
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join("absent")).expect("a folder");
        for name in ["libcuda.so", "libcuda.so.1"] {
            std::fs::write(folder.path().join("absent").join(name), "").expect("a file");
        }
        let examples = ndarray::Array3::from_shape_fn((4, 2, 4), |(i, j, k)| {
            (7 * i + 5 * j + 3 * k) as f32 / 20.0 - 1.0
        });
        ndarray_npy::write_npy(folder.path().join("examples.npy"), &examples).expect("a file");
        let example = examples.index_axis(ndarray::Axis(0), 1).to_owned();
        ndarray_npy::write_npy(folder.path().join("x.npy"), &example).expect("a file");
        let bench = Self { folder };
        let compiled = bench.run(
            Absent,
            "compile residual.onnx --calibrate examples.npy -o residual.stwoml --level test-tiny \
             --table-bits 8 --activation-bits 6 --backend simd",
        );
        assert_eq!(compiled.code, 0, "{}", compiled.err);
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn run(&self, driver: Driver, command: &str) -> Outcome {
        let onnx = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/models/ops/residual.onnx");
        std::fs::copy(onnx, self.path("residual.onnx")).expect("a network");
        // cargo builds the interpreter's library beside this test.
        let test = std::env::current_exe().expect("this test");
        let beside = test.parent().expect("a folder").to_owned();
        assert!(beside.join("libcuda.so").exists(), "cuda/stand-in is built");
        let absent = self.path("absent");
        let library = if matches!(driver, Absent) {
            absent
        } else {
            beside
        };
        let mut process = Command::new(env!("CARGO_BIN_EXE_stwo-ml"));
        process
            .args(command.split_whitespace())
            .current_dir(self.folder.path())
            .env("LD_LIBRARY_PATH", library)
            .env_remove("STWO_ML_STAND_IN");
        if let Taken(settings) = driver {
            process.env("STWO_ML_STAND_IN", "1");
            process.envs(settings.iter().copied());
        }
        let output = process.output().expect("the binary runs");
        let text = |bytes| String::from_utf8(bytes).expect("text");
        Outcome {
            code: output.status.code().expect("an exit code"),
            out: text(output.stdout),
            err: text(output.stderr),
        }
    }

    /// Proves to `name`, which is there afterwards exactly if the command succeeded.
    fn prove(&self, driver: Driver, name: &str, options: &str) -> Outcome {
        let command = format!("prove residual.stwoml --input x.npy -o {name} {options}");
        let outcome = self.run(driver, &command);
        assert_eq!(self.path(name).exists(), outcome.code == 0, "{name}");
        outcome
    }
}

#[test]
fn proofs_are_those_of_simd_and_the_report_counts() {
    let bench = Bench::new();
    let simd = bench.prove(Absent, "simd.bin", "--backend simd --json");
    assert_eq!(simd.code, 0, "{}", simd.err);
    assert_eq!(simd.json()["backend"], "simd");
    assert_eq!(simd.json()["operations"], Value::Null);
    let cuda = bench.prove(Taken(&[]), "cuda.bin", "--backend cuda --json");
    assert_eq!(cuda.code, 0, "{}", cuda.err);
    let bytes = |name| std::fs::read(bench.path(name)).expect("a proof");
    assert!(bytes("simd.bin") == bytes("cuda.bin"), "the proofs differ");

    let report = cuda.json();
    assert_eq!(report["backend"], "cuda");
    assert_eq!(report["backend_reason"], Value::Null);
    let operations = &report["operations"];
    assert_eq!(operations["device_name"], "ptx-interpreter");
    for kernel in [
        "circle_fft_pass",
        "combine_columns",
        "fold_word",
        "folding_round",
        "fraction_leaves",
        "grind",
        "layer_sum_infinity",
        "merkle_leaves",
        "product_round_m31",
    ] {
        assert!(operations["device"][kernel].as_u64() > Some(0), "{kernel}");
    }
    let host = operations["host"].as_object().expect("the host's");
    let allowed = ["axes of a form", "inverse twiddles"];
    assert!(host.keys().all(|k| allowed.contains(&&**k)), "{host:?}");
    for count in ["bytes_to_device", "bytes_to_host", "copies_to_host"] {
        assert!(operations[count].as_u64() > Some(0), "{count}");
    }

    // The text says the same.
    let text = bench.prove(Taken(&[]), "text.bin", "--backend auto");
    let line = format!(
        "{} bytes there, {} bytes back in {} copies",
        operations["bytes_to_device"], operations["bytes_to_host"], operations["copies_to_host"]
    );
    assert!(text.out.contains(&line), "{}", text.out);
    assert!(text.out.contains("cuda backend (chosen: "), "{}", text.out);
}

#[test]
fn cuda_never_falls_back_and_auto_says_why() {
    let bench = Bench::new();
    let stand_in = "the device ptx-interpreter, which interprets kernels for tests";
    let cases = [
        (Absent, "", "no CUDA driver was found"),
        (StandIn, "", stand_in),
        (Taken(&[("STAND_IN_DEVICES", "0")]), "", "the driver sees 0"),
        (Taken(&[]), "--device 1", "the driver sees 1"),
        (
            Taken(&[("STAND_IN_INIT", "803")]),
            "",
            "starting the driver failed",
        ),
        (
            Taken(&[("STAND_IN_PTX_VERSION", "65")]),
            "",
            "PTX 7.0 needs a newer driver",
        ),
        (
            Taken(&[("STAND_IN_FAIL_LAUNCH", "1")]),
            "",
            "fails as it was told to",
        ),
    ];
    for (driver, options, reason) in cases {
        let cuda = bench.prove(driver, "cuda.bin", &format!("--backend cuda {options}"));
        assert_eq!(cuda.code, 2, "{reason}: {}", cuda.err);
        assert!(cuda.err.contains(reason), "{reason}: {}", cuda.err);
        let auto = bench.prove(driver, "auto.bin", &format!("{options} --json"));
        assert_eq!(auto.code, 0, "{}", auto.err);
        assert_eq!(auto.json()["backend"], "simd", "{reason}");
        let said = auto.json()["backend_reason"].as_str().map(str::to_owned);
        assert!(said.is_some_and(|s| s.contains(reason)), "{}", auto.out);
        std::fs::remove_file(bench.path("auto.bin")).expect("the proof");
    }
}

#[test]
fn a_fault_in_a_proof_is_an_error() {
    let bench = Bench::new();
    for (settings, reason) in [
        (
            &[("STAND_IN_FAIL_LAUNCH", "100")][..],
            "fails as it was told to",
        ),
        (
            &[("STAND_IN_FAIL_ALLOCATION", "100")],
            "the device has no room",
        ),
        (&[("STAND_IN_MEMORY", "20000")], "of 20000 free"),
    ] {
        // `auto` has chosen the device by then, and does not start again elsewhere.
        for backend in ["cuda", "auto"] {
            let options = format!("--backend {backend} --json");
            let outcome = bench.prove(Taken(settings), "fault.bin", &options);
            assert_eq!(outcome.code, 2, "{reason}: {}", outcome.out);
            let message = outcome.json()["message"].as_str().map(str::to_owned);
            let message = message.expect("a message");
            assert!(message.contains(reason), "{message}");
            assert!(!outcome.err.contains("panicked"), "{}", outcome.err);
        }
    }
}

#[test]
fn doctor_says_what_is_there_and_what_is_wrong() {
    let bench = Bench::new();
    let doctor = |driver| {
        let text = bench.run(driver, "doctor");
        let json = bench.run(driver, "doctor --json").json();
        assert_eq!(
            (text.code, &json["simd"]["usable"]),
            (0, &Value::Bool(true))
        );
        (text.out, json["cuda"].clone())
    };
    let (text, cuda) = doctor(Taken(&[("STAND_IN_DEVICES", "2")]));
    assert!(text.contains("cuda   works"), "{text}");
    assert_eq!(cuda["usable"], true);
    assert_eq!(cuda["driver_version"], "12.8");
    assert_eq!(cuda["ptx_version"], "7.0");
    for ordinal in 0..2 {
        let device = &cuda["devices"][ordinal];
        assert_eq!(device["name"], "ptx-interpreter");
        assert_eq!(device["compute_capability"], "8.0");
        assert_eq!(device["total_bytes"], 8u64 << 30);
        assert_eq!(device["problem"], Value::Null);
    }

    for (driver, problem) in [
        (Absent, "no CUDA driver was found"),
        (StandIn, "it interprets kernels for tests"),
        (Taken(&[("STAND_IN_DEVICES", "0")]), "sees no device"),
        (
            Taken(&[("STAND_IN_INIT", "803")]),
            "starting the driver failed",
        ),
        (
            Taken(&[("STAND_IN_PTX_VERSION", "65")]),
            "PTX 7.0 needs a newer driver",
        ),
        (
            Taken(&[("STAND_IN_FAIL_LAUNCH", "1")]),
            "fails as it was told to",
        ),
    ] {
        let (text, cuda) = doctor(driver);
        assert!(text.contains("cuda   not usable"), "{text}");
        assert!(text.contains(problem), "{problem}: {text}");
        assert_eq!(cuda["usable"], false, "{cuda}");
    }
}
