//! The corpus of the fuzz targets, unchanged and with seeded damage, in a moment. `cargo fuzz` does the same for hours.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use waystation_tests::{Outcome, fuzz, paths};

/// Damaged copies of each file, unless `WAYSTATION_FUZZ` sets their number.
const DAMAGED: usize = 200;

fn damaged_copies() -> usize {
    std::env::var("WAYSTATION_FUZZ").ok().and_then(|text| text.parse().ok()).unwrap_or(DAMAGED)
}

/// Calls a target with every file of its corpus and with damaged copies of it. Returns how many inputs could be parsed, undamaged and
/// damaged.
fn run(name: &str, target: fn(&[u8]) -> bool) -> Outcome<(usize, usize)> {
    let folder = paths::root().join("fuzz/corpus").join(name);
    let mut files: Vec<Vec<u8>> = std::fs::read_dir(&folder)?.map(|entry| std::fs::read(entry?.path())).collect::<Result<_, _>>()?;
    // The order of a folder's entries is not defined.
    files.sort();
    let mut random = StdRng::seed_from_u64(1);
    let (mut whole, mut damaged) = (0, 0);
    for file in &files {
        whole += usize::from(target(file));
        for _ in 0..damaged_copies() {
            let mut bytes = file.clone();
            damage(&mut bytes, &files, &mut random);
            damaged += usize::from(target(&bytes));
        }
    }
    Ok((whole, damaged))
}

/// A few changes of the kind that break parsers: other bytes, cuts, repeats, digits, a piece of another file.
fn damage(bytes: &mut Vec<u8>, files: &[Vec<u8>], random: &mut StdRng) {
    for _ in 0..random.random_range(1..4) {
        if bytes.is_empty() {
            return;
        }
        let at = random.random_range(0..bytes.len());
        let end = (at + random.random_range(1..16)).min(bytes.len());
        match random.random_range(0..6) {
            0 => bytes[at] = random.random(),
            1 => bytes.truncate(at),
            2 => drop(bytes.drain(at..end)),
            3 => {
                let piece = bytes[at..end].to_vec();
                bytes.splice(at..at, piece);
            }
            4 => {
                for byte in &mut bytes[at..end] {
                    if byte.is_ascii_digit() {
                        *byte = b'9';
                    }
                }
            }
            _ => {
                let other = &files[random.random_range(0..files.len())];
                let from = random.random_range(0..=other.len());
                let piece = &other[from..(from + 24).min(other.len())];
                bytes.splice(at..end, piece.iter().copied());
            }
        }
    }
}

#[test]
fn no_push_body_breaks_an_invariant() -> Outcome<()> {
    let (whole, damaged) = run("push", fuzz::push)?;
    assert!(whole >= 6 && damaged > 50, "{whole} whole and {damaged} damaged bodies were parsed: the corpus covers little");
    Ok(())
}

#[test]
fn no_page_breaks_an_invariant() -> Outcome<()> {
    let (whole, damaged) = run("page", fuzz::page)?;
    assert!(whole >= 3 && damaged > 50, "{whole} whole and {damaged} damaged pages were accepted: the corpus covers little");
    Ok(())
}

#[test]
fn no_script_of_marks_depends_on_the_order_of_arrival() -> Outcome<()> {
    let (whole, damaged) = run("mutations", fuzz::mutations)?;
    assert!(whole >= 6 && damaged > 1_000, "{whole} whole and {damaged} damaged scripts ran");
    Ok(())
}
