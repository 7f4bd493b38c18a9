//! Bytes written as hexadecimal digits.

/// The bytes of `00ff…`.
///
/// # Errors
/// A sentence naming the text, if it is not an even number of hexadecimal digits.
pub(super) fn decode(text: &str) -> Result<Vec<u8>, String> {
    let damaged = || format!("`{text}` is not a row of hexadecimal byte values");
    if !text.len().is_multiple_of(2) || !text.is_ascii() {
        return Err(damaged());
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).map_err(|_| damaged())).collect()
}
