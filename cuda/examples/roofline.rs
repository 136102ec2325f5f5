//! Prints the least time that a stwo proof can take on a named GPU, stage by stage. Needs no GPU.
//!
//! `cargo run -p stwo-ml-cuda --example roofline -- --gpu h100-sxm --log-rows 18 --columns 26`

use std::collections::BTreeMap;

use clap::Parser;
use serde_json::json;
use stwo_ml_cuda::roofline::{self, DEVICES, Device, Shape, Stage};

/// Lower bounds of a proof's time, from what its launches move and execute. Not measured on a GPU.
#[derive(Debug, Parser)]
struct Arguments {
    /// The device: see --list.
    #[arg(long, default_value = "h100-sxm")]
    gpu: String,
    /// log 2 of the rows.
    #[arg(long, default_value_t = 18, value_parser = clap::value_parser!(u32).range(7..=26))]
    log_rows: u32,
    /// Columns of the trace.
    #[arg(long, default_value_t = 26, value_parser = clap::value_parser!(u64).range(3..=65535))]
    columns: u64,
    /// log 2 of the committed domain's length over the rows.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=4))]
    log_blowup: u32,
    /// Folds between two commitments of FRI.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=16))]
    fold_step: u32,
    /// log 2 of the degree bound of FRI's last layer.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=10))]
    log_last_layer: u32,
    /// Bits of the proof of work.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(0..=32))]
    pow_bits: u32,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
    /// Lists the devices and where their figures are from.
    #[arg(long)]
    list: bool,
}

/// Sums over the kernels of a stage.
#[derive(Clone, Debug, Default)]
struct Row {
    launches: u64,
    bytes: u64,
    instructions: u64,
    seconds: f64,
    /// Seconds by what limits the kernels.
    limits: BTreeMap<String, f64>,
}

fn main() {
    let arguments = Arguments::parse();
    if arguments.list {
        for device in DEVICES {
            println!(
                "{}: {} SMs, {} GHz, {} GB/s, L2 {} MiB, bus {} GB/s; {}",
                device.name,
                device.multiprocessors,
                device.clock,
                device.bandwidth,
                device.cache >> 20,
                device.bus,
                device.source
            );
        }
        return;
    }
    let Some(device) = Device::named(&arguments.gpu) else {
        let names: Vec<_> = DEVICES.iter().map(|device| device.name).collect();
        eprintln!(
            "roofline: no device {}; one of {}",
            arguments.gpu,
            names.join(", ")
        );
        std::process::exit(2);
    };
    if arguments.fold_step + arguments.log_last_layer > arguments.log_rows {
        eprintln!("roofline: fold step and last layer are too large for the rows");
        std::process::exit(2);
    }
    let shape = Shape {
        log_rows: arguments.log_rows,
        columns: arguments.columns,
        log_blowup: arguments.log_blowup,
        fold_step: arguments.fold_step,
        log_last_layer: arguments.log_last_layer,
        pow_bits: arguments.pow_bits,
    };
    let mut rows: Vec<(Stage, Row)> = Vec::new();
    for (stage, work) in roofline::works(&shape) {
        if rows.last().is_none_or(|(last, _)| *last != stage) {
            rows.push((stage, Row::default()));
        }
        let (_, row) = rows.last_mut().expect("one was just added");
        let bound = roofline::bound(&device, &work);
        row.launches += work.launches;
        row.bytes += work.read + work.written;
        row.instructions += work.instructions;
        row.seconds += bound.seconds;
        *row.limits.entry(format!("{:?}", bound.limit)).or_default() += bound.seconds;
    }
    let transfer = roofline::trace_bytes(&shape) as f64 / (device.bus * 1e9);
    if arguments.json {
        print_json(&device, &shape, &rows, transfer);
    } else {
        print_table(&device, &shape, &rows, transfer);
    }
}

/// What limits a stage for most of its time.
fn limit(row: &Row) -> &str {
    let most = row.limits.iter().max_by(|a, b| a.1.total_cmp(b.1));
    most.map_or("", |(name, _)| name)
}

fn print_json(device: &Device, shape: &Shape, rows: &[(Stage, Row)], transfer: f64) {
    let stages: Vec<_> = rows
        .iter()
        .map(|(stage, row)| {
            json!({
                "stage": format!("{stage:?}"),
                "launches": row.launches,
                "bytes": row.bytes,
                "ptx_instructions": row.instructions,
                "seconds": row.seconds,
                "limit": limit(row),
            })
        })
        .collect();
    let total: f64 = rows.iter().map(|(_, row)| row.seconds).sum();
    let report = json!({
        "device": device.name,
        "source": device.source,
        "log_rows": shape.log_rows,
        "columns": shape.columns,
        "log_blowup": shape.log_blowup,
        "fold_step": shape.fold_step,
        "pow_bits": shape.pow_bits,
        "stages": stages,
        "kernels_seconds": total,
        "transfer_seconds": transfer,
        "measured_on_a_gpu": false,
    });
    println!("{report:#}");
}

fn print_table(device: &Device, shape: &Shape, rows: &[(Stage, Row)], transfer: f64) {
    println!(
        "Lower bounds on {} for {} rows, {} columns, blow-up {}, fold step {}, {} bits of work.",
        device.name,
        1u64 << shape.log_rows,
        shape.columns,
        1 << shape.log_blowup,
        shape.fold_step,
        shape.pow_bits
    );
    println!("From {}.\n", device.source);
    println!("| stage | launches | MB | M instructions | ms at least | limit |");
    println!("|---|---|---|---|---|---|");
    let mut total = Row::default();
    for (stage, row) in rows {
        total.launches += row.launches;
        total.bytes += row.bytes;
        total.instructions += row.instructions;
        total.seconds += row.seconds;
        print_row(&format!("{stage:?}"), row, limit(row));
    }
    print_row("all kernels", &total, "");
    println!(
        "| transfer of the trace | | {:.1} | | {:.4} | Bus |",
        roofline::trace_bytes(shape) as f64 / 1e6,
        transfer * 1e3
    );
    if (2 * roofline::trace_bytes(shape)) << shape.log_blowup <= device.cache {
        println!(
            "\nThe evaluations may stay in the level 2 cache: then what Memory limits can be faster."
        );
    }
    println!(
        "\nComputed, not measured on a GPU. Launches and the host's transcript take further time."
    );
}

fn print_row(name: &str, row: &Row, limit: &str) {
    println!(
        "| {name} | {} | {:.1} | {:.1} | {:.4} | {limit} |",
        row.launches,
        row.bytes as f64 / 1e6,
        row.instructions as f64 / 1e6,
        row.seconds * 1e3
    );
}
