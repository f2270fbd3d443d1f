//! The text of a file of unknown encoding.

use encoding_rs::{Encoding, UTF_16BE, UTF_16LE, WINDOWS_1251};
use waystation_model::{Code, Problem};

/// Bytes from which the encoding of a file without a byte order mark is guessed.
const GUESSED_FROM_BYTES: usize = 2_000;

/// A file's text, and what it was encoded in.
#[derive(Debug, PartialEq, Eq)]
pub struct Decoded {
    /// The text, without a byte order mark.
    pub text: String,
    /// `utf-8`, `utf-16le`, `utf-16be` or `windows-1251`.
    pub encoding: &'static str,
}

/// Decodes text: by its byte order mark, else as UTF-8 when it is that, as UTF-16 when every second byte is zero, and as
/// Windows-1251 otherwise, in which older programs here write.
///
/// # Errors
/// `file_cut` when the file ends within a letter, `unreadable_file` when it is no text.
pub fn decode(bytes: &[u8]) -> Result<Decoded, Problem> {
    if let Some((encoding, mark_bytes)) = Encoding::for_bom(bytes) {
        let rest = &bytes[mark_bytes..];
        return if encoding == encoding_rs::UTF_8 { utf8(rest) } else { utf16(rest, encoding) };
    }
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.contains('\0') => Ok(Decoded { text: text.to_owned(), encoding: "utf-8" }),
        // All but the last letter is UTF-8, and it is not plain ASCII with one Cyrillic letter at its end.
        Err(error) if error.error_len().is_none() && !bytes[..error.valid_up_to()].is_ascii() => Err(cut()),
        _ => match utf16_without_mark(bytes) {
            Some(encoding) => utf16(bytes, encoding),
            None => windows_1251(bytes),
        },
    }
}

fn utf8(bytes: &[u8]) -> Result<Decoded, Problem> {
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.contains('\0') => Ok(Decoded { text: text.to_owned(), encoding: "utf-8" }),
        Err(error) if error.error_len().is_none() => Err(cut()),
        _ => Err(unreadable()),
    }
}

fn utf16(bytes: &[u8], encoding: &'static Encoding) -> Result<Decoded, Problem> {
    if bytes.len() % 2 == 1 {
        return Err(cut());
    }
    let (text, had_errors) = encoding.decode_without_bom_handling(bytes);
    if had_errors || text.contains('\0') {
        return Err(unreadable());
    }
    Ok(Decoded { text: text.into_owned(), encoding: if encoding == UTF_16LE { "utf-16le" } else { "utf-16be" } })
}

fn windows_1251(bytes: &[u8]) -> Result<Decoded, Problem> {
    let is_text = |byte: &u8| *byte >= b' ' || matches!(byte, b'\t' | b'\n' | b'\r');
    if !bytes.iter().all(is_text) {
        return Err(unreadable());
    }
    let (text, _) = WINDOWS_1251.decode_without_bom_handling(bytes);
    Ok(Decoded { text: text.into_owned(), encoding: "windows-1251" })
}

/// UTF-16 of mostly Latin text has a zero in nearly every second byte.
fn utf16_without_mark(bytes: &[u8]) -> Option<&'static Encoding> {
    let part = &bytes[..bytes.len().min(GUESSED_FROM_BYTES) & !1];
    let zeros = |offset: usize| part.iter().skip(offset).step_by(2).filter(|byte| **byte == 0).count();
    let enough = part.len() / 2 / 3;
    match (zeros(0), zeros(1)) {
        (0, odd) if odd > enough => Some(UTF_16LE),
        (even, 0) if even > enough => Some(UTF_16BE),
        _ => None,
    }
}

fn cut() -> Problem {
    Problem::new(Code::FileCut, "the file ends within a letter")
}

fn unreadable() -> Problem {
    Problem::new(Code::UnreadableFile, "the file is neither a workbook nor text in a known encoding")
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "Ad;Şəhər\r\nƏli;Gəncə\r\n";

    fn utf16_bytes(text: &str, order: fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(order).collect()
    }

    #[test]
    fn each_encoding_is_recognised() {
        let cyrillic = "Имя;Город\r\nЁлка;Гянджа\r\n";
        let marked = |mark: &[u8], bytes: Vec<u8>| [mark, &bytes].concat();
        let cases = [
            (TEXT.as_bytes().to_vec(), TEXT, "utf-8"),
            (marked(b"\xEF\xBB\xBF", TEXT.into()), TEXT, "utf-8"),
            (marked(b"\xFF\xFE", utf16_bytes(TEXT, u16::to_le_bytes)), TEXT, "utf-16le"),
            (marked(b"\xFE\xFF", utf16_bytes(TEXT, u16::to_be_bytes)), TEXT, "utf-16be"),
            (utf16_bytes(TEXT, u16::to_le_bytes), TEXT, "utf-16le"),
            (utf16_bytes(TEXT, u16::to_be_bytes), TEXT, "utf-16be"),
            (WINDOWS_1251.encode(cyrillic).0.into_owned(), cyrillic, "windows-1251"),
            (b"name,code".to_vec(), "name,code", "utf-8"),
            (Vec::new(), "", "utf-8"),
        ];
        for (bytes, text, encoding) in cases {
            assert_eq!(decode(&bytes), Ok(Decoded { text: text.into(), encoding }));
        }
    }

    #[test]
    fn a_file_that_ends_within_a_letter_is_not_guessed_at() {
        let bytes = "Ad;Şəhər;Ə".as_bytes();
        assert_eq!(decode(&bytes[..bytes.len() - 1]).map_err(|problem| problem.code), Err(Code::FileCut));
        let wide = [b"\xFF\xFE".to_vec(), utf16_bytes(TEXT, u16::to_le_bytes)].concat();
        assert_eq!(decode(&wide[..wide.len() - 1]).map_err(|problem| problem.code), Err(Code::FileCut));
    }

    #[test]
    fn what_is_no_text_is_refused() {
        let no_text: [&[u8]; 4] = [b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", b"name\0code", b"\xEF\xBB\xBFname\xFF", b"\xFF\xFE\x00\xD8a\0"];
        for bytes in no_text {
            assert_eq!(decode(bytes).map_err(|problem| problem.code), Err(Code::UnreadableFile), "{bytes:?}");
        }
    }
}
