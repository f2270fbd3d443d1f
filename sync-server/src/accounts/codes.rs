//! One-time codes of invitations: how they are made, written, read and stored.

use sha2::{Digest, Sha256};

/// Digits and capital letters without those that are mistaken for each other on paper: no 0 and O, no 1 and I. 32 of them, so a
/// character is five bits.
const ALPHABET: &[u8; 32] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZ";
/// Characters of a code: 80 bits, so nobody guesses one, whatever the rate limit.
const LENGTH: usize = 16;
/// Characters of a group, for the eye.
const GROUP: usize = 4;
/// The longest text that is read as a code: a pasted one may have spaces and hyphens between all characters.
const TEXT_BYTES_MAX: usize = 200;

/// A new code as people write it, such as `K7QM-4TXR-9HWD-2FBN`.
pub fn new_code() -> String {
    let random: [u8; LENGTH] = rand::random();
    written(random.map(|byte| ALPHABET[usize::from(byte) % ALPHABET.len()]))
}

fn written(letters: [u8; LENGTH]) -> String {
    let groups: Vec<String> = letters.chunks(GROUP).map(|group| group.iter().copied().map(char::from).collect()).collect();
    groups.join("-")
}

/// The hash under which a typed or pasted code is stored; none for a text that is no code. Spaces, hyphens, dashes and case do not matter.
pub fn code_hash(text: &str) -> Option<Vec<u8>> {
    if text.len() > TEXT_BYTES_MAX {
        return None;
    }
    let is_between = |letter: &char| letter.is_whitespace() || matches!(letter, '-' | '\u{2010}'..='\u{2015}' | '_' | '.');
    let letters: Vec<u8> = text
        .chars()
        .filter(|letter| !is_between(letter))
        .map(|letter| u8::try_from(letter.to_ascii_uppercase()).ok().filter(|byte| ALPHABET.contains(byte)))
        .collect::<Option<_>>()?;
    let letters: [u8; LENGTH] = letters.try_into().ok()?;
    // A slow hash would add nothing: 80 random bits cannot be tried out.
    Some(Sha256::digest(letters).to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_eighty_random_bits_in_groups_of_four() {
        assert_eq!(ALPHABET.len().pow(2), 1 << 10, "five bits a character");
        let codes: std::collections::BTreeSet<String> = (0..200).map(|_| new_code()).collect();
        assert_eq!(codes.len(), 200);
        for code in codes {
            assert_eq!(code.split('-').map(str::len).collect::<Vec<_>>(), [4; 4], "{code}");
            assert!(!code.contains(['0', 'O', '1', 'I']), "{code}");
        }
    }

    #[test]
    fn case_spaces_and_dashes_do_not_matter_and_everything_else_does() {
        let hash = code_hash("K7QM-4TXR-9HWD-2FBN");
        assert!(hash.is_some());
        for same in [" k7qm 4txr 9hwd 2fbn\n", "K7QM4TXR9HWD2FBN", "k7qm\u{2013}4txr\u{a0}9hwd-2fbn", "K 7 Q M 4 T X R 9 H W D 2 F B N"] {
            assert_eq!(code_hash(same), hash, "{same}");
        }
        assert_ne!(code_hash("K7QM-4TXR-9HWD-2FBM"), hash);
        for none in ["", "K7QM-4TXR-9HWD-2FB", "K7QM-4TXR-9HWD-2FBNN", "O7QM-4TXR-9HWD-2FBN", "K7QM-4TXR-9HWD-2FBé", &" ".repeat(1_000)] {
            assert_eq!(code_hash(none), None, "{none}");
        }
    }
}
