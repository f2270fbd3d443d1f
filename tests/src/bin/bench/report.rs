//! One JSON line a figure.

use serde::Serialize;

/// A figure as it is printed; fields that do not apply are omitted.
#[derive(Debug, Default, Serialize)]
pub struct Figure {
    pub name: &'static str,
    pub n: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub floor_seconds: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ratio: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes_per_row: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p50_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p95_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scopes: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rss_above_rest_mib: Option<f64>,
    pub peak_rss_mib: f64,
}

impl Figure {
    /// Prints the line.
    pub fn print(mut self) {
        self.peak_rss_mib = peak_rss_mib();
        println!("{}", serde_json::to_string(&self).expect("a figure is plain numbers"));
    }
}

/// Pairs of a measurement and its floor, measured alternately.
#[derive(Debug, Default)]
pub struct Pairs {
    pairs: Vec<(f64, f64)>,
}

impl Pairs {
    /// Adds one pair, in seconds.
    pub fn add(&mut self, seconds: f64, floor_seconds: f64) {
        eprintln!("  {seconds:.4} s, floor {floor_seconds:.4} s, ratio {:.2}", seconds / floor_seconds);
        self.pairs.push((seconds, floor_seconds));
    }

    /// The medians of the measurement, of the floor and of the ratio of each pair.
    pub fn medians(&self) -> (f64, f64, f64) {
        (
            median(self.pairs.iter().map(|pair| pair.0).collect()),
            median(self.pairs.iter().map(|pair| pair.1).collect()),
            median(self.pairs.iter().map(|pair| pair.0 / pair.1).collect()),
        )
    }
}

/// The median.
pub fn median(values: Vec<f64>) -> f64 {
    percentile(values, 0.5)
}

/// The smallest value that at least this share of the values does not exceed.
pub fn percentile(mut values: Vec<f64>, share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let index = ((values.len() as f64 * share).ceil() as usize).clamp(1, values.len().max(1)) - 1;
    values.get(index).copied().unwrap_or(f64::NAN)
}

/// Peak memory of this process in MiB: laptop, server and bench together.
fn peak_rss_mib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kib =
        status.lines().find_map(|line| line.strip_prefix("VmHWM:")).and_then(|rest| rest.trim().split(' ').next()?.parse::<f64>().ok());
    (kib.unwrap_or(0.0) / 1024.0 * 10.0).round() / 10.0
}

/// Rounded to this many decimals.
pub fn rounded(value: f64, digits: i32) -> f64 {
    let scale = 10f64.powi(digits);
    (value * scale).round() / scale
}
